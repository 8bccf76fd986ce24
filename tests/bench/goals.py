"""The goals, and whether the figures reach them."""

from typing import NamedTuple

from contender import KINDS
from steps import Setting

COLD_ROTATION = 1 / 80
COLD_CPU = 1 / 50
FAR_ROTATION = 1 / 2
START_TO_PYTHON = 1 / 50
START_TO_BARE = 1.15
MEMORY = 1 / 8
STEP_CPU_SECONDS = 0.001
# Of what ships as a function, and of the doctor, which is a tool for terminals first.
BINARY_BYTES, TOOL_BYTES = 4_000_000, 5_000_000
ZIP_BYTES = 2_000_000
TOOL = "datadog-doctor"
CALLS = {"API key": 24, "application key": 24, "admin pair": 25, "admin pair, assisted": 28}
CHAIN = 11
# Of the network, each way.
DELAY_MS = 20

NEAR, FAR = Setting(None, 0), Setting(None, DELAY_MS)
# As the template has it, and no network: what is computed.
SMALL = Setting(128, 0)
SHARES = [SMALL, *(Setting(megabytes, DELAY_MS) for megabytes in (128, 256, 512))]
NOT_MEASURED = "not measured: no quotas of a processor here"


class Verdict(NamedTuple):
    figure: str
    goal: str
    measured: str
    met: bool


def verdicts(figures: dict) -> list[Verdict]:
    """Ratios are of the minima, the worst of the functions each."""
    start = {name: {kind: min(it["seconds"]) for kind, it in kinds.items()} for name, kinds in figures["start"].items()}
    near, far, small = (figures["rotations"].get(it.name) for it in (NEAR, FAR, SMALL))
    functions = [it for name, it in figures["sizes"].items() if name not in (TOOL, "bare")]
    cpu = max(min(it) for kind in near["functions"].values() for it in kind["cpu"].values())
    cold = "rotation at the share of 128 MB, a new process for each step"
    listed = [
        against(f"{cold}, against Python", COLD_ROTATION, small and worst(minima(small, "cold"), "Python")),
        against("CPU time of that rotation, against Python", COLD_CPU, small and worst(minima(small, "cold_cpu"), "Python")),
        against(
            f"rotation with {DELAY_MS} ms each way on a whole processor, a new process for each step, against Python",
            FAR_ROTATION,
            worst(minima(far, "cold"), "Python"),
        ),
        against("process start to first request, against Python", START_TO_PYTHON, worst(start, "Python")),
        against("the same, against a bare function", START_TO_BARE, worst(start, "bare")),
        against("peak memory, against Python", MEMORY, worst(minima(near, "peak"), "Python")),
        at_most("CPU time of a warm step, ms", STEP_CPU_SECONDS * 1e3, cpu * 1e3, 2),
        at_most("stripped binary of a function, MB", BINARY_BYTES / 1e6, max(it["binary"] for it in functions) / 1e6, 2),
        at_most("stripped binary of the doctor, MB", TOOL_BYTES / 1e6, figures["sizes"][TOOL]["binary"] / 1e6, 2),
        at_most("zip of a function, MB", ZIP_BYTES / 1e6, max(it["zip"] for it in functions) / 1e6, 2),
    ]
    for kind, goal in CALLS.items():
        listed.append(at_most(f"calls of a rotation, {kind}", goal, figures["counted"]["calls"][kind], 0))
    chain = max(figures["counted"]["chain"].values())
    listed.append(at_most("calls that wait for one another, at most", CHAIN, chain, 0))
    return listed


def minima(rotations: dict, figure: str) -> dict:
    return {name: {kind: min(it[figure]) for kind, it in kinds.items()} for name, kinds in rotations.items()}


def worst(by_name: dict, yardstick: str) -> float:
    held = by_name[yardstick]
    return max(it / held.get(kind, next(iter(held.values()))) for kind, it in by_name["functions"].items())


def against(figure: str, goal: float, measured: float | None) -> Verdict:
    if measured is None:
        return Verdict(figure, f"≤ {ratio(goal)}", NOT_MEASURED, False)
    return Verdict(figure, f"≤ {ratio(goal)}", ratio(measured), measured <= goal)


def at_most(figure: str, goal: float, measured: float, digits: int) -> Verdict:
    return Verdict(figure, f"≤ {goal:.{digits}f}", f"{measured:.{digits}f}", measured <= goal)


def ratio(number: float) -> str:
    """Below a half as one part of so many."""
    return f"{number:.2f}" if number > 0.5 else f"1/{1 / number:.3g}"
