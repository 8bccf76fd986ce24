"""Zips that are the same bytes on every machine."""

import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The earliest that a zip can say.
DATE = (1980, 1, 1, 0, 0, 0)


def zipped(files: dict[str, Path]) -> bytes:
    """A zip of these files by name, the first of them executable.

    Python's own compressor is zlib or a successor of it, whichever it was built with.
    """
    tool = ["cargo", "run", "--quiet", "--locked", "--package", "bootstrap-zip", "--"]
    arguments = [f"{name}={path}" for name, path in files.items()]
    return subprocess.run([*tool, *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def bundle(path: Path, folder: str, files: list[Path]):
    """A zip of a folder of files that are compressed already, or small."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{file.name}", DATE)
            entry.create_system = 3  # Unix, whose permissions these are
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, file.read_bytes())
