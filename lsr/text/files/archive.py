"""Office files are ZIP archives of XML: what they may unpack to."""

from __future__ import annotations

import zipfile
from pathlib import Path

from lsr.core.limits import in_mebibytes

MOST_UNPACKED = 1 << 28
"""Bytes of XML in an archive: 256 MiB. Pictures are not unpacked, and do not count."""


def check_archive(path: Path) -> None:
    """Before a library unpacks it. ValueError for what is no ZIP archive, or would unpack to too much.

    Python's zipfile reads no more of a member than its entry says, so that a false size cannot hide a larger one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(
                member.file_size for member in archive.infolist() if member.filename.lower().endswith((".xml", ".rels"))
            )
    except zipfile.BadZipFile as error:
        raise ValueError(f"is not a whole {path.suffix.lower()} file ({error})") from None
    if size > MOST_UNPACKED:
        raise ValueError(f"unpacks to more than {in_mebibytes(MOST_UNPACKED)} of XML")
