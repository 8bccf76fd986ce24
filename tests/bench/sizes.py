"""What a function weighs, and how much of it there is to audit."""

from functools import cache
from pathlib import Path

import archive
import bom

TARGET = "x86_64-unknown-linux-gnu"


def measure(folder: Path, binary: str) -> dict[str, int]:
    """Bytes of the stripped binary and of a zip of it, as `tests/package/build` makes it, without the notices."""
    executable = folder / binary
    return {"binary": executable.stat().st_size, "zip": len(archive.zipped({"bootstrap": executable}))}


@cache  # each asks Cargo, which resolves the whole lock
def crates(package: str) -> int:
    """Crates below a package, macros and what they are made with included, itself not."""
    every, _ = bom.tree(package, TARGET, "normal")
    return len(every) - 1
