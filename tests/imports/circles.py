"""Usage: circles.py [--parents] CRATE...

Fails if modules of a crate import one another in a circle. A crate is named by its folder.

Modules below one parent are held against one another, each with all that is below it: `rotation` may not import from
`admin` if something below `admin` imports from `rotation`. A module and its parent are one family, and may name one
another's items, unless --parents is given.
"""

import argparse
import sys
from pathlib import Path

from modules import Crate, Path_

ROOT = Path(__file__).parents[2]
# By module: the modules that it imports from, each with one import that does so.
Edges = dict[Path_, dict[Path_, str]]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fails if modules of a crate import one another in a circle.")
    parser.add_argument("crates", nargs="+", metavar="CRATE", help="a folder with src/lib.rs or src/main.rs")
    parser.add_argument("--parents", action="store_true", help="count circles of a module and its parent too")
    arguments = parser.parse_args(argv)
    status = 0
    for folder in arguments.crates:
        edges = described(Crate(root_file(ROOT / folder)).edges())
        levels = [edges] if arguments.parents else [among(edges, parent) for parent in sorted(edges)]
        circles = [circle for level in levels for circle in circular(level)]
        for circle in circles:
            status = 1
            print(f"{folder}: a circle of {len(circle)}")
            for example in circle:
                print(f"  {example}")
        if not circles:
            print(f"{folder}: {len(edges)} modules, no circle")
    return status


def root_file(folder: Path) -> Path:
    library = folder / "src" / "lib.rs"
    return library if library.is_file() else folder / "src" / "main.rs"


def described(edges: Edges) -> Edges:
    return {
        user: {used: f"{named(user)} names {path}, of {named(used)}" for used, path in needed.items()}
        for user, needed in edges.items()
    }


def named(module: Path_) -> str:
    return "::".join(("crate", *module))


def among(edges: Edges, parent: Path_) -> Edges:
    """The imports among the children of one module, each child with all that is below it."""
    depth = len(parent) + 1
    lifted = {it: {} for it in edges if len(it) == depth and it[:-1] == parent}
    for user, needed in edges.items():
        for used, example in needed.items():
            ends = user[:depth], used[:depth]
            if all(it in lifted for it in ends) and ends[0] != ends[1]:
                lifted[ends[0]].setdefault(ends[1], example)
    return lifted


def circular(edges: Edges) -> list[list[str]]:
    """One shortest circle, as its imports, for each group of modules that reach one another."""
    reached = {start: reachable(edges, start) for start in edges}
    groups, seen = [], set()
    for start in sorted(edges):
        group = {it for it in reached[start] if start in reached[it]}
        if start in group and start not in seen:
            seen |= group
            groups.append(min((shortest(edges, it) for it in sorted(group)), key=len))
    return groups


def reachable(edges: Edges, start: Path_) -> set[Path_]:
    found, new = set(), set(edges[start])
    while new:
        found |= new
        new = {other for it in new for other in edges[it]} - found
    return found


def shortest(edges: Edges, start: Path_) -> list[str]:
    """The shortest way from a module back to itself."""
    ways = [(used, [example]) for used, example in sorted(edges[start].items())]
    seen = set()
    while True:
        for end, way in ways:
            if end == start:
                return way
        seen |= {end for end, _ in ways}
        ways = [
            (used, [*way, example])
            for end, way in ways
            for used, example in sorted(edges[end].items())
            if used not in seen
        ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
