"""Each goal is missed by a figure that is a little worse than it allows, and by no other."""

import copy

import goals
import pytest
import tables
from contender import KINDS
from sandbox import STEPS


def rotation(share: dict[str, float]) -> dict:
    """Of a contender whose figures are these parts of 1,000."""
    figures = {it: [1000 * share.get(it, 1.0)] for it in ("cold", "cold_cpu", "whole", "whole_cpu", "peak")}
    cpu = {step: [goals.STEP_CPU_SECONDS] for step in STEPS}
    steps = {step: [1.0] for step in STEPS}
    return figures | {"billed_ms": [1000], "cpu": cpu, "first": steps, "warm": steps}


def contenders(share: dict[str, float]) -> dict:
    return {name: {kind: rotation(part) for kind in KINDS} for name, part in (("functions", share), ("Python", {}))}


def reaching() -> dict:
    """Every figure at its goal, and no better."""
    shares = {
        goals.NEAR.name: {"peak": goals.MEMORY},
        goals.FAR.name: {"cold": goals.FAR_ROTATION},
        goals.SMALL.name: {"cold": goals.COLD_ROTATION, "cold_cpu": goals.COLD_CPU},
    }
    start = {"bare": 1 / goals.START_TO_BARE, "functions": 1.0, "Python": 1 / goals.START_TO_PYTHON}
    return {
        "rotations": {name: contenders(share) for name, share in shares.items()},
        "start": {name: {"apiKey": {"seconds": [it]}} for name, it in start.items()},
        "sizes": {
            "datadog-api-key": {"binary": goals.BINARY_BYTES, "zip": goals.ZIP_BYTES},
            goals.TOOL: {"binary": goals.TOOL_BYTES, "zip": 9_000_000},
            "bare": {"binary": 9_000_000, "zip": 9_000_000},
        },
        "counted": {"calls": dict(goals.CALLS), "chain": {kind: goals.CHAIN for kind in goals.CALLS}},
    }


def missed(figures: dict) -> list[str]:
    return [it.figure for it in goals.verdicts(figures) if not it.met]


def test_all_are_met_by_figures_that_reach_them():
    assert missed(reaching()) == []


WORSE = {
    ("rotations", goals.SMALL.name, "functions", "apiKey", "cold"): "rotation at the share of 128 MB",
    ("rotations", goals.SMALL.name, "functions", "adminKey", "cold_cpu"): "CPU time of that rotation",
    ("rotations", goals.FAR.name, "functions", "applicationKey", "cold"): "rotation with 20 ms each way",
    ("start", "Python", "apiKey", "seconds"): "process start to first request",
    ("start", "bare", "apiKey", "seconds"): "the same, against a bare function",
    ("rotations", goals.NEAR.name, "functions", "apiKey", "peak"): "peak memory",
    ("rotations", goals.NEAR.name, "functions", "apiKey", "cpu", "createSecret"): "CPU time of a warm step",
    ("sizes", "datadog-api-key", "binary"): "stripped binary of a function",
    ("sizes", goals.TOOL, "binary"): "stripped binary of the doctor",
    ("sizes", "datadog-api-key", "zip"): "zip of a function",
    **{("counted", "calls", kind): f"calls of a rotation, {kind}" for kind in goals.CALLS},
    ("counted", "chain", "admin pair"): "calls that wait for one another",
}


@pytest.mark.parametrize(("path", "figure"), WORSE.items(), ids=lambda it: it if isinstance(it, str) else "")
def test_a_figure_that_is_worse_misses_its_goal(path, figure):
    figures = copy.deepcopy(reaching())
    *way, last = path
    holder = figures
    for key in way:
        holder = holder[key]
    # A yardstick that is quicker makes the function slower beside it.
    factor = 0.9 if path[0] == "start" else 1.1
    value = holder[last]
    holder[last] = [it * factor for it in value] if isinstance(value, list) else value * factor

    [it] = missed(figures)

    assert it.startswith(figure)


def test_there_is_one_worse_figure_for_each_goal():
    assert len(WORSE) == len(goals.verdicts(reaching()))


def test_what_could_not_be_measured_is_not_met():
    figures = reaching()
    del figures["rotations"][goals.SMALL.name]

    verdicts = [it for it in goals.verdicts(figures) if it.measured == goals.NOT_MEASURED]

    assert len(verdicts) == 2
    assert not any(it.met for it in verdicts)
    assert tables.headline(figures["rotations"]) is None
