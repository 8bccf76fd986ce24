"""The goals, and whether the figures reach them."""

from typing import NamedTuple

from contender import KINDS

START_TO_PYTHON = 1 / 50
START_TO_BARE = 2.0
MEMORY = 1 / 8
COLD_ROTATION = 1 / 2
STEP_CPU_SECONDS = 0.001
BINARY_BYTES = 4_000_000
ZIP_BYTES = 2_000_000
CALLS = {"apiKey": 21, "applicationKey": 24, "adminKey": 27}
# Of the network, each way.
DELAY_MS = 20


class Verdict(NamedTuple):
    figure: str
    goal: str
    measured: str
    met: bool


def verdicts(figures: dict) -> list[Verdict]:
    """Ratios are of the minima, the worst of the three functions each."""
    start = {name: {kind: min(it["seconds"]) for kind, it in kinds.items()} for name, kinds in figures["start"].items()}
    near, far = figures["rotations"]["0"], figures["rotations"][str(DELAY_MS)]
    sizes = figures["sizes"].values()
    cpu = max(min(it) for kind in near["functions"].values() for it in kind["cpu"].values())
    calls = figures["calls"]["functions"]
    listed = [
        against("process start to first request, against Python", START_TO_PYTHON, worst(start, "Python")),
        against("the same, against a bare function", START_TO_BARE, worst(start, "bare")),
        against("peak memory, against Python", MEMORY, worst(minima(near, "peak"), "Python")),
        against(
            f"rotation with {DELAY_MS} ms each way, a new process for each step, against Python",
            COLD_ROTATION,
            worst(minima(far, "cold"), "Python"),
        ),
        at_most("CPU time of a warm step, ms", STEP_CPU_SECONDS * 1e3, cpu * 1e3, 2),
        at_most("stripped binary, MB", BINARY_BYTES / 1e6, max(it["binary"] for it in sizes) / 1e6, 2),
        at_most("zip, MB", ZIP_BYTES / 1e6, max(it["zip"] for it in sizes) / 1e6, 2),
    ]
    for kind, goal in CALLS.items():
        listed.append(at_most(f"calls of a rotation, {KINDS[kind][0]}", goal, calls[kind], 0))
    return listed


def minima(rotations: dict, figure: str) -> dict:
    return {name: {kind: min(it[figure]) for kind, it in kinds.items()} for name, kinds in rotations.items()}


def worst(by_name: dict, yardstick: str) -> float:
    held = by_name[yardstick]
    return max(it / held.get(kind, next(iter(held.values()))) for kind, it in by_name["functions"].items())


def against(figure: str, goal: float, measured: float) -> Verdict:
    return Verdict(figure, f"≤ {ratio(goal)}", ratio(measured), measured <= goal)


def at_most(figure: str, goal: float, measured: float, digits: int) -> Verdict:
    return Verdict(figure, f"≤ {goal:.{digits}f}", f"{measured:.{digits}f}", measured <= goal)


def ratio(number: float) -> str:
    """Below a half as one part of so many."""
    return f"{number:.2f}" if number > 0.5 else f"1/{1 / number:.3g}"
