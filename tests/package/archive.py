"""The zip of a function."""

import io
import zipfile

# The earliest that a zip can say.
DATE = (1980, 1, 1, 0, 0, 0)
UNIX = 3


def zipped(executable: bytes) -> bytes:
    """A zip that holds this executable as `bootstrap` and depends on nothing else.

    It is stored, not compressed: what a compressor makes of the same bytes depends on its version.
    """
    entry = zipfile.ZipInfo("bootstrap", DATE)
    entry.create_system = UNIX
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, executable)
    return buffer.getvalue()
