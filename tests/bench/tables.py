"""The figures as Markdown."""

from statistics import median

import goals
from contender import KINDS
from sandbox import STEPS


def page(figures: dict) -> str:
    near, far = figures["rotations"]["0"], figures["rotations"][str(goals.DELAY_MS)]
    parts = [
        ("Goals", verdicts(figures)),
        ("Process start to first request for work", starts(figures["start"])),
        ("Whole rotations", rotations(figures["rotations"])),
        ("Steps without network delay", steps(near)),
        (f"Steps with {goals.DELAY_MS} ms of network delay each way", steps(far)),
        ("Work of a warm step", work(near, figures["instructions"])),
        ("Peak memory", memory(near)),
        ("Weight", weight(figures["sizes"], figures["crates"])),
        ("Calls of a rotation", calls(figures["calls"])),
    ]
    machine = "Measured on: " + "; ".join(figures["machine"]) + ".\n"
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


def rotations(by_delay: dict) -> str:
    rows = []
    for delay, figures in by_delay.items():
        for figure, processes in (("cold", "one for each step"), ("whole", "one, warm")):
            for kind, (label, *_) in KINDS.items():
                ours, python = (figures[name][kind][figure] for name in ("functions", "Python"))
                rows.append([label, f"{delay} ms", processes, *compared(ours, python, 1e3)])
    return table(["type", "delay each way", "processes", "functions, ms", "Python, ms", "ratio"], rows)


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
