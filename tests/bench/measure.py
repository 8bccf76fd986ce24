"""Measures the functions beside their yardsticks, prints tables, and writes them where --write is given."""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import budgets
import build
import calls
import contender
import goals
import instructions
import picture
import share
import sizes
import steps
import tables
from process import Process

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "docs" / "figures"
MARKERS = "<!-- measured -->\n", "<!-- end -->"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of everything that is timed; default: 3")
    parser.add_argument("--write", action="store_true", help="put tables and picture into docs/figures, and a line into README.md")
    parser.add_argument("--headline", action="store_true", help="measure README's line alone, in minutes, and print it")
    arguments = parser.parse_args()
    folder = build.target_folder() / "release"
    built = contender.Built(folder, folder / "sandbox")
    if arguments.headline:
        print(headline(built, arguments.repeats))
        return
    figures = measure(built, arguments.repeats)
    # As text, as it is read again: the picture can be drawn anew without measuring.
    (folder / "benchmark.json").write_text(json.dumps(figures))
    page = tables.page(json.loads(json.dumps(figures)))
    print(page)
    if arguments.write:
        write(page, picture.draw(figures))


def measure(built: contender.Built, repeats: int) -> dict:
    contenders = [contender.functions(built), contender.python()]
    begun = os.getloadavg()[0]
    figures = {
        "start": starts(built, contenders, 8 * repeats),
        "rotations": steps.measure(built, contenders, settings(), repeats, tell),
        "calls": {it.name: calls.count(built, it) for it in contenders},
        "counted": budgets.counted(budgets.CALLS.read_text()),
        "sizes": {binary: sizes.measure(built.folder, binary) for binary in [*build.functions(), "bare"]},
        "crates": {package: sizes.crates(package) for package in [*build.functions(), "bare"]},
        "instructions": None,
    }
    if instructions.available():
        figures["instructions"] = instructions.measure(built, contender.KINDS, tell)
    else:
        tell("no instructions: valgrind is not installed")
    return figures | {"machine": machine(repeats, begun)}


def headline(built: contender.Built, repeats: int) -> str:
    if goals.SMALL not in settings():
        raise SystemExit(1)
    contenders = [contender.functions(built), contender.python()]
    return tables.headline(steps.measure(built, contenders, [goals.SMALL], repeats, tell, ["apiKey"]))


def settings() -> list[steps.Setting]:
    """Where rotations are measured: on a share of a processor too, if this machine gives what a quota says."""
    slowness = share.slowness()
    if slowness is None:
        tell("no shares of a processor: control groups can't be made here")
    elif slowness > share.SLOWEST:
        tell(f"no shares of a processor: a process took {slowness:.1f} times as long as its quota says")
    else:
        return [goals.NEAR, goals.FAR, *goals.SHARES]
    return [goals.NEAR, goals.FAR]


def starts(built: contender.Built, contenders: list[contender.Contender], repeats: int) -> dict:
    """Seconds from the start of a process to its first request for work, by contender and kind."""
    kinds = list(contender.KINDS)
    commands = {(it.name, kind): (it.commands[kind], it.environment) for it in contenders for kind in kinds}
    # The bare function is of no kind.
    commands[("bare", kinds[0])] = (contender.bare(built), {})
    measured = {name: {} for name in ("bare", *(it.name for it in contenders))}
    for name, kind in commands:
        measured[name][kind] = {"seconds": [], "cpu": []}
    for number in range(repeats):
        tell(f"starts, {number + 1} of {repeats}")
        for (name, kind), (command, environment) in commands.items():
            with Process(command, environment) as process:
                measured[name][kind]["seconds"].append(process.start_seconds)
                measured[name][kind]["cpu"].append(process.start_cpu_seconds)
    return measured


def machine(repeats: int, load: float) -> list[str]:
    """What the figures depend on."""
    [model, *_] = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(("model name", "CPU part"))
    ] or [platform.machine()]
    compiler = subprocess.run(["rustc", "--version"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [
        f"{platform.machine()}, {os.cpu_count()} processors ({model})",
        f"Linux {platform.release().partition('-')[0]}",
        " ".join(compiler.split()[:2]),
        f"Python {platform.python_version()}",
        f"{repeats} repeats",
        f"load average at the begin {load:.1f}",
    ]


def write(page: str, drawing: str):
    path = FIGURES / "benchmark.md"
    head, _, rest = path.read_text().partition(MARKERS[0])
    path.write_text(head + MARKERS[0] + "\n" + page + "\n" + MARKERS[1] + rest.partition(MARKERS[1])[2])
    (FIGURES / "benchmark.svg").write_text(drawing)
    # The one line that the README has of all this.
    readme = ROOT / "README.md"
    readme.write_text(tables.with_headline(readme.read_text(), tables.headline_of(page)))


def tell(what: str):
    print(what, file=sys.stderr)


if __name__ == "__main__":
    main()
