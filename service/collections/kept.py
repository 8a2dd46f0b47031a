"""Files of JSON that the service keeps for itself beside the collections: whole, or as they were before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson

from lsr.core.errors import IndexFormatError
from lsr.core.files import atomic_file

FOLDER = ".service"


def read_kept(path: Path) -> Any:
    """What a file holds; None if there is none. IndexFormatError if it is not JSON, or no file."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise IndexFormatError(f"{path}: a folder, where a file belongs", remedies=["move it away"]) from None
    except ValueError as error:
        raise IndexFormatError(f"{path}: not JSON ({error})", remedies=["restore it, or remove it"]) from None


def write_kept(path: Path, value: Any) -> None:
    """Write a file, for the owner's eyes alone, in one step. OutputExistsError while another process writes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with atomic_file(path, force=True) as temporary:
        os.chmod(temporary, 0o600)  # noqa: PTH101 - before there is anything in it
        temporary.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))
