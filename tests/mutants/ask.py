"""Asks the tests about every change: which of them notices it?"""

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orders
from changes import Change, Source

# Beside the copy for the wrong orders, which has another.
orders.VERSION = "0.0.0-mutants"

FILES = ["rotation", "deadline", "value", "secrets", "datadog", "identity"]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")

# The quick ones about every change, the slower ones about those that the quick ones missed. Each runs until its first
# failure.
QUICK = {"lib": ["datadog_rotation"], "steps": ["steps"], "keyless": ["keyless"]}
SLOWER = {
    "properties": ["properties"],
    "crash_sweep": ["crash_sweep", "a_few_of_each"],
    "trust": ["trust"],
    "doctor": ["doctor"],
    "explore": ["explore", "one_fault", "lies", "mistakes", "acts_and_a_death"],
}
TESTS = QUICK | SLOWER

SWITCH = """
/// Whether this change is turned on. Writes down once that a test has come by it.
pub(crate) fn mutant(number: usize) -> bool {
    use std::{env::var, io::Write as _, sync::LazyLock, sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed};
    static CHOSEN: LazyLock<usize> = LazyLock::new(|| var("MUTANT").ok().and_then(|it| it.parse().ok()).unwrap_or(0));
    static REACHED: LazyLock<Option<std::fs::File>> = LazyLock::new(|| std::fs::File::create(var("REACHED").ok()?).ok());
    static SEEN: [AtomicBool; 9999] = [const { AtomicBool::new(false) }; 9999];
    if let Some(mut file) = REACHED.as_ref() && !SEEN[number].swap(true, Relaxed) {
        let _ = file.write_all(format!("{number}\\n").as_bytes());
    }
    *CHOSEN == number
}
"""


class Copy(orders.Copy):
    def __init__(self):
        super().__init__()
        self.folder = self.target / "mutants"
        below = orders.ROOT / "shared/src"
        found = [file for it in FILES for file in (below / f"{it}.rs", *sorted((below / it).rglob("*.rs")))]
        self.names = [str(it.relative_to(orders.ROOT)) for it in found if it.is_file() and it.name != "tests.rs"]
        self.without, self.changes, self.reached, self.limits = set(), [], {}, {}
        self.measuring = threading.Lock()

    def patched(self, _) -> dict[str, bytes]:
        numbers = itertools.count(1)
        files = {it: Source(it, (orders.ROOT / it).read_bytes(), numbers, self.without) for it in self.names}
        self.changes = [change for it in files.values() for change in it.changes]
        changed = {name: it.text.encode() for name, it in files.items()}
        lib = "shared/src/lib.rs"
        return changed | {lib: changed.get(lib, (orders.ROOT / lib).read_bytes()) + SWITCH.encode()}

    def compile(self):
        """Once, and once more without the lines of the changes that do not compile."""
        while True:
            self.renew(())
            targets = [f"--test={it[0]}" for name, it in TESTS.items() if name != "lib"]
            command = ["cargo", "test", "--locked", "--workspace", "--lib", *targets, "--no-run", "--message-format=json"]
            built = orders.run(command, self.folder, {"CARGO_TARGET_DIR": str(self.target), "CARGO_TERM_COLOR": "never"})
            told = [json.loads(line) for line in built.stdout.splitlines()]
            if not built.returncode:
                break
            errors = [it["message"] for it in told if it.get("reason") == "compiler-message"]
            spans = [span for it in errors if it["level"] == "error" for span in it["spans"] if span["is_primary"]]
            lines = {(it["file_name"], it["line_start"]) for it in spans if it["file_name"] in self.names}
            if lines <= self.without:
                raise SystemExit(built.stderr[-5000:])
            print(f"not changed, for it does not compile: {sorted(lines - self.without)}", flush=True)
            self.without |= lines
        built = [(it["target"], it["executable"]) for it in told if it.get("executable")]
        # A package's library may have its test's name: the test comes last.
        built.sort(key=lambda it: "test" in it[0]["kind"])
        programs = {target["name"]: program for target, program in built}
        self.programs = {name: [programs[it[0]], *it[1:]] for name, it in TESTS.items()}

    def reached_by(self, name: str) -> set[int]:
        """The changes that a test comes by, with none turned on: it is asked only about these. It must pass then."""
        with self.measuring:
            if name not in self.reached:
                reached, began = self.target / f"mutants-{name}", time.monotonic()
                if self.notices(name, {"REACHED": str(reached)}, 1200):
                    raise SystemExit(f"{name} fails without a change")
                took = time.monotonic() - began
                self.limits[name] = 30 + 5 * took
                self.reached[name] = set(map(int, reached.read_text().split()))
                print(f"{name} takes {took:.0f} s and comes by {len(self.reached[name])}", flush=True)
            return self.reached[name]

    def notices(self, name: str, environment: dict, limit: float) -> str:
        command = [*self.programs[name], "--test-threads=4"]
        # Some tests have Cargo build the programs that they start.
        own = os.environ | environment | {"CARGO_TARGET_DIR": str(self.target), "RUST_BACKTRACE": "0"}
        folder = self.folder / ("shared" if name == "lib" else "tests")
        process = subprocess.Popen(
            command, cwd=folder, env=own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
        )
        late = threading.Timer(limit, process.kill)
        late.start()
        began = time.monotonic()
        with process:
            failed = next((line.split()[1] for line in process.stdout if re.match(r"test .* FAILED", line)), "")
            process.kill() if failed else process.wait()
        late.cancel()
        if time.monotonic() - began >= limit:
            return f"{name}, out of time"
        return f"{name} {failed}".strip() if failed or process.returncode else ""

    def outcome(self, change: Change, tests: dict) -> str:
        for name in tests:
            if change.number in self.reached_by(name):
                if noticed := self.notices(name, {"MUTANT": str(change.number)}, self.limits[name]):
                    return noticed
        return ""


def key(change: Change) -> str:
    return f"{change.file}: {change.words}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--missed", action="store_true")
    parser.add_argument("--list", action="store_true")
    asked = parser.parse_args()
    began = time.monotonic()
    equivalent = {f"{file}: {it}" for file, all_ in tomllib.loads(EQUIVALENT.read_text()).items() for it in all_}
    copy = Copy()
    if asked.list:
        copy.patched(())
        print("\n".join(f"{it.number} {it.file}:{it.line}: {it.words}" for it in copy.changes))
        return 0
    copy.compile()
    record = copy.target / "mutants.json"
    known = json.loads(record.read_text()) if (asked.missed or asked.only) and record.is_file() else {}
    chosen = [it for it in copy.changes if not asked.only or it.file.endswith(tuple(asked.only))]
    changes = [it for it in chosen if not asked.missed or not known.get(f"{it.line} {key(it)}")]
    print(f"{len(changes)} changes of {len(copy.changes)}, after {time.monotonic() - began:.0f} s", flush=True)
    missed = changes
    for tests in (QUICK, SLOWER):
        asked_now, missed = missed, []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            outcomes = pool.map(copy.outcome, asked_now, itertools.repeat(tests))
            for change, noticed in zip(asked_now, outcomes, strict=True):
                known[f"{change.line} {key(change)}"] = noticed
                record.write_text(json.dumps(known, indent=1))
                missed += [] if noticed else [change]
        print(f"{', '.join(tests)}: {len(missed)} missed after {time.monotonic() - began:.0f} s", flush=True)
    wrong = [f"missed: {it.file}:{it.line}: {it.words}" for it in missed if key(it) not in equivalent]
    found = {key(it) for it in changes if known[f"{it.line} {key(it)}"]}
    wrong += [f"equivalent.toml has a change that a test notices: {it}" for it in sorted(equivalent & found)]
    gone = equivalent - {key(it) for it in copy.changes}
    wrong += [f"equivalent.toml has a change that is none: {it}" for it in sorted(gone)]
    by = Counter(re.match(r"\w+", it)[0] for it in known.values() if it)
    print(*wrong, f"{len(known)} asked, noticed by {dict(by)}, {time.monotonic() - began:.0f} s", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
