"""Fails if a function is over a budget of budgets.toml."""

import argparse
import platform
import re
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

import build
import instructions
import sizes
from contender import KINDS, Built

HERE = Path(__file__).parent
CALLS = HERE.parents[1] / "docs" / "figures" / "calls.md"


class Line(NamedTuple):
    """One figure beside its budget, and its goal if it has one."""

    figure: str
    measured: int
    budget: int
    goal: int | None

    @property
    def crossed(self) -> bool:
        return self.measured > self.budget


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budgets", type=Path, default=HERE / "budgets.toml", help="another file of budgets")
    parser.add_argument("--no-build", action="store_true", help="check what needs no build: crates and calls")
    parser.add_argument("--only", choices=[it[1] for it in KINDS.values()], help="of what is built, this one")
    arguments = parser.parse_args(argv)
    budgets = tomllib.loads(arguments.budgets.read_text())
    measured = light() if arguments.no_build else light() | heavy(arguments.only)
    lines = compare(measured, budgets)
    for it in lines:
        verdict = "OVER" if it.crossed else "goal not met" if it.goal is not None and it.measured > it.goal else ""
        goal = "-" if it.goal is None else f"{it.goal:,}"
        print(f"{it.figure:44} {it.measured:>12,} of {it.budget:>12,}   goal {goal:>10}   {verdict}".rstrip())
    if not arguments.no_build and "instructions" not in measured:
        print("No instructions counted: that takes valgrind, and an x86_64.")
    return 1 if any(it.crossed for it in lines) else 0


def light() -> dict[str, dict[str, int]]:
    """Figures by budget and by what they are of, for which nothing is built."""
    return {"crates": {name: sizes.crates(name) for name in build.functions()}} | counted(CALLS.read_text())


def heavy(only: str | None) -> dict[str, dict[str, int]]:
    """Figures of what is built for release: of all functions, or of this one."""
    release, debug = (build.target_folder() / profile for profile in ("release", "debug"))
    names = [only] if only else build.functions()
    weights = {name: sizes.measure(release, name) for name in names}
    architecture = platform.machine()
    figures = {
        f"{figure}.{architecture}": {name: it[figure] for name, it in weights.items()} for figure in ("binary", "zip")
    }
    if instructions.available() and architecture == "x86_64":
        kinds = [kind for kind, it in KINDS.items() if it[1] in names]
        with tempfile.TemporaryDirectory() as folder:
            link(Path(folder), names, release, debug)
            built = Built(Path(folder), debug / "sandbox")
            steps = instructions.measure(built, kinds, lambda what: print(what, file=sys.stderr))
        figures["instructions"] = {kind: sum(it.values()) for kind, it in steps.items()}
    return figures


def link(folder: Path, measured: list[str], release: Path, debug: Path):
    """The sandbox needs every function; what one counts for does not depend on how the others are built."""
    for name in build.functions():
        (folder / name).symlink_to((release if name in measured else debug) / name)


def counted(page: str) -> dict[str, dict[str, int]]:
    """Calls of a rotation with `api_keys_read` and the longest chain of them, by type; a test counts both and holds the
    page to it."""
    rows = re.findall(r"^\| ([^|]+) \| yes \|(?: \d+ \|){4} (\d+) \| (\d+) \|$", page, re.MULTILINE)
    return {
        "calls": {kind: int(calls) for kind, calls, _ in rows},
        "chain": {kind: int(chain) for kind, _, chain in rows},
    }


def compare(measured: dict[str, dict[str, int]], budgets: dict) -> list[Line]:
    """Every figure beside its budget. One that has none is an error."""
    lines = []
    for name, figures in measured.items():
        section = budgets
        for key in name.split("."):
            section = section[key]
        for subject, figure in figures.items():
            budget, goal = section["budget"], section.get("goal")
            budget = budget[subject] if isinstance(budget, dict) else budget
            goal = goal.get(subject) if isinstance(goal, dict) else goal
            lines.append(Line(f"{name}, {subject}", figure, budget, goal))
    return lines


if __name__ == "__main__":
    sys.exit(main())
