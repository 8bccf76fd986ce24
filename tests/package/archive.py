"""The zip of a function."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The earliest that a zip can say.
DATE = (1980, 1, 1, 0, 0, 0)


def zipped(executable: bytes) -> bytes:
    """A zip that holds this executable as `bootstrap` and depends on nothing else.

    Python's own compressor is zlib or a successor of it, whichever it was built with.
    """
    tool = ["cargo", "run", "--quiet", "--locked", "--package", "bootstrap-zip"]
    return subprocess.run(tool, cwd=ROOT, input=executable, capture_output=True, check=True).stdout
