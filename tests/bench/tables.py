"""The figures as Markdown."""

import re
from statistics import median

import dollars
import goals
from contender import KINDS
from sandbox import STEPS
from steps import Setting

# Where the README has it.
MARKS = "<!-- the figures' line -->\n", "<!-- end -->"
HEADLINE = "A rotation of an API key in four new processes, at the share of a processor that 128 MB have, over TLS:"


def page(figures: dict) -> str:
    near, far = (figures["rotations"][it.name] for it in (goals.NEAR, goals.FAR))
    parts = [
        ("Goals", verdicts(figures)),
        ("Process start to first request for work", starts(figures["start"])),
        ("Whole rotations", rotations(figures["rotations"])),
        ("CPU time of a rotation, a new process for each step", cold_cpu(figures["rotations"])),
        ("Dollars a year for one secret", dollars_a_year(figures)),
        ("Steps without network delay", steps(near)),
        (f"Steps with {goals.DELAY_MS} ms of network delay each way", steps(far)),
        ("Work of a warm step", work(near, figures["instructions"])),
        ("Peak memory", memory(near)),
        ("Weight", weight(figures["sizes"], figures["crates"])),
        ("Calls of a rotation", calls(figures["calls"])),
    ]
    machine = "Measured on: " + "; ".join(figures["machine"]) + ".\n"
    if line := headline(figures["rotations"]):
        machine = f"{line}\n\n{machine}"
    return machine + "".join(f"\n## {heading}\n\n{table}" for heading, table in parts)


def verdicts(figures: dict) -> str:
    rows = [[it.figure, it.goal, it.measured, "yes" if it.met else "**no**"] for it in goals.verdicts(figures)]
    return table(["figure", "goal", "measured", "met"], rows)


def starts(start: dict) -> str:
    bare, python = (min(next(iter(start[name].values()))["seconds"]) for name in ("bare", "Python"))
    rows = []
    for name, kinds in start.items():
        for kind, it in kinds.items():
            least = min(it["seconds"])
            label = name if name == "bare" else f"{name}, {KINDS[kind][0]}"
            compared = [goals.ratio(least / bare), goals.ratio(least / python)]
            rows.append([label, spread(it["seconds"], 1e3), spread(it["cpu"], 1e3), *compared])
    return table(["", "ms", "ms of CPU", "to bare", "to Python"], rows)


def headline(by_setting: dict) -> str | None:
    """An API key at the share of 128 MB, in one sentence."""
    if goals.SMALL.name not in by_setting:
        return None
    figures = by_setting[goals.SMALL.name]
    ours, python = (figures[name]["apiKey"] for name in ("functions", "Python"))
    return (
        f"{HEADLINE} {seconds(ours['cold'])} s and {min(ours['cold_cpu']) * 1e3:.0f} ms of processor time; a plain "
        f"Python function takes {seconds(python['cold'])} s and {min(python['cold_cpu']) * 1e3:,.0f} ms."
    )


def seconds(samples: list[float]) -> str:
    return f"{min(samples):.2f}" if min(samples) < 10 else f"{min(samples):,.1f}"


def headline_of(page: str) -> str | None:
    """The sentence that `headline` put there."""
    found = re.search(f"^{re.escape(HEADLINE)} .*$", page, re.MULTILINE)
    return found and found.group()


def with_headline(text: str, line: str | None) -> str:
    """The text with this between the marks of its line of figures, or nothing."""
    before, begin, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not end:
        raise ValueError("no place for the line of figures")
    return before + begin + (f"{line}\n" if line else "") + end + after


def rotations(by_setting: dict) -> str:
    rows = []
    for figure, processes in (("cold", "one for each step"), ("whole", "one, warm")):
        for kind, (label, *_) in KINDS.items():
            for setting in measured(by_setting):
                figures = by_setting[setting.name]
                ours, python = (figures[name][kind][figure] for name in ("functions", "Python"))
                delay = f"{setting.delay_ms} ms"
                rows.append([label, processes, setting.label, delay, *compared(ours, python, 1e3)])
    return table(["type", "processes", "processor", "delay each way", "functions, ms", "Python, ms", "ratio"], rows)


def measured(by_setting: dict) -> list[Setting]:
    return [it for it in (goals.NEAR, goals.FAR, *goals.SHARES) if it.name in by_setting]


def cold_cpu(by_setting: dict) -> str:
    rows = []
    for kind, (label, *_) in KINDS.items():
        for setting in (it for it in (goals.NEAR, goals.SMALL) if it.name in by_setting):
            figures = by_setting[setting.name]
            ours, python = (figures[name][kind]["cold_cpu"] for name in ("functions", "Python"))
            rows.append([label, setting.label, *compared(ours, python, 1e3)])
    return table(["type", "processor", "functions, ms", "Python, ms", "ratio"], rows)


def dollars_a_year(figures: dict) -> str:
    """For Lambda, by its memory: the API key, with the delay and a new process for each step."""
    rows = []
    for setting in (it for it in goals.SHARES if it.name in figures["rotations"] and it.delay_ms):
        contenders = figures["rotations"][setting.name]
        billed = {name: min(it["apiKey"]["billed_ms"]) for name, it in contenders.items()}
        cost = {name: dollars.lambda_a_year(it, setting.megabytes) for name, it in billed.items()}
        paid = [f"{billed[name]:,} ms, ${cost[name]:.6f}" for name in ("functions", "Python")]
        rows.append([setting.label, *paid])
    if not rows:
        return goals.NOT_MEASURED + "\n"
    return table(["memory", "functions: billed for a rotation, a year", "Python"], rows)


def steps(rotations: dict) -> str:
    rows = []
    for kind, (label, *_) in KINDS.items():
        ours, python = rotations["functions"][kind], rotations["Python"][kind]
        for step in STEPS:
            first, warm = (compared(ours[it][step], python[it][step], 1e3) for it in ("first", "warm"))
            rows.append([label, step, *first, *warm])
    columns = [
        "type",
        "step",
        "first: function, ms",
        "Python, ms",
        "ratio",
        "warm: function, ms",
        "Python, ms",
        "ratio",
    ]
    return table(columns, rows)


def work(rotations: dict, instructions: dict | None) -> str:
    rows = []
    for kind, (label, *_) in KINDS.items():
        ours, python = rotations["functions"][kind]["cpu"], rotations["Python"][kind]["cpu"]
        for step in STEPS:
            counted = f"{instructions[kind][step] / 1e6:.2f}" if instructions else "no callgrind"
            rows.append([label, step, *compared(ours[step], python[step], 1e3), counted])
    return table(["type", "step", "CPU: function, ms", "Python, ms", "ratio", "instructions, millions"], rows)


def memory(rotations: dict) -> str:
    rows = []
    for kind, (label, *_) in KINDS.items():
        ours, python = (rotations[name][kind]["peak"] for name in ("functions", "Python"))
        rows.append([label, *compared(ours, python, 1 / 1024)])
    return table(["type", "functions, MiB", "Python, MiB", "ratio"], rows)


def weight(sizes: dict, crates: dict) -> str:
    rows = [
        [name, *(f"{it[figure] / 1e6:.2f}" for figure in ("binary", "zip")), str(crates[name])]
        for name, it in sizes.items()
    ]
    return table(["function", "binary, MB", "zip, MB", "crates below it"], rows)


def calls(counted: dict) -> str:
    rows = [[label, *(str(counted[name][kind]) for name in counted)] for kind, (label, *_) in KINDS.items()]
    return table(["type", *counted], rows)


def compared(ours: list[float], python: list[float], unit: float) -> list[str]:
    return [spread(ours, unit), spread(python, unit), goals.ratio(min(ours) / min(python))]


def spread(samples: list[float], unit: float) -> str:
    """Minimum and, in brackets, median."""
    return f"{number(min(samples) * unit)} ({number(median(samples) * unit)})"


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
