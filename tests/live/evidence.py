"""The page of evidence: what was asked, what was answered, which assumption that confirms or refutes. It names nobody."""

import re
from datetime import UTC, datetime
from pathlib import Path

NOT_ASKED = "not asked"
VERDICTS = {True: "confirmed", False: "**refuted**", None: "not tried", NOT_ASKED: NOT_ASKED}
HEAD = """# A live run

Made by `tests/live/run` in an AWS account and a Datadog organisation. Identifiers are replaced: equal ones by equal words.

| | |
|---|---|
| date | {date} |
| commit | {commit} |
| site, region | {site}, {region} |

| assumption | verdict | asked | answered |
|---|---|---|---|
"""
# What may say whose run it was. The longer before what is a part of it.
PATTERNS = {
    "UUID": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "KEY": r"\b(?:dd(?:ap|sat|pat)_\w+|[0-9a-f]{40}|[0-9a-f]{32})\b",
    "ACCOUNT": r"\b\d{12}\b",
    "HOST": r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b",
    "PERSON": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
}


class Page:
    """Written anew after each line, so that a run that ends early has its page."""

    def __init__(self, path: Path, run: str, commit: str, told: dict[str, str]):
        self.path, self.words, self.counts = path, {}, {}
        self.rows: list[tuple[str, bool | str | None, str, str]] = []
        self.notes: list[str] = []
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        self.head = HEAD.format(date=date, commit=commit, site=told["site"], region=told["region"])
        self.hide([run], "RUN")
        for name in ("account", "organisation", "service_account"):
            self.hide([told[name]], name.upper())

    def hide(self, texts: list[str], word: str):
        for text in texts:
            if text and text not in self.words:
                self.counts[word] = self.counts.get(word, 0) + 1
                self.words[text] = word if self.counts[word] == 1 else f"{word}-{self.counts[word]}"

    def row(self, assumption: str, verdict: bool | str | None, asked: str, answered: str):
        """One assumption; None if it could not be tried, `NOT_ASKED` if no run can."""
        self.rows.append((assumption, verdict, asked, answered))
        print(f"{VERDICTS[verdict].strip('*')}: {self.redacted(assumption)}", flush=True)
        if verdict is False:
            print(f"    {self.redacted(answered)}", flush=True)
        self.write()

    def note(self, text: str):
        self.notes.append(text)
        print(self.redacted(text), flush=True)
        self.write()

    def is_whole(self) -> bool:
        """Nothing was refuted, and the run came to its end."""
        return all(verdict is not False for _, verdict, *_ in self.rows) and not any("arly: " in it or "nterrupted" in it for it in self.notes)

    def write(self):
        lines = [f"| {assumption} | {VERDICTS[verdict]} | {cell(asked)} | {cell(answered)} |\n" for assumption, verdict, asked, answered in self.rows]
        notes = "".join(f"\n{it}\n" for it in self.notes)
        self.path.write_text(self.redacted(self.head + "".join(lines) + notes))

    def redacted(self, text: str) -> str:
        for known in sorted(self.words, key=len, reverse=True):
            text = text.replace(known, self.words[known])
        for word, pattern in PATTERNS.items():
            self.hide(re.findall(pattern, text), word)
            text = re.sub(pattern, lambda found: self.words[found[0]], text)
        return text


def cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()
