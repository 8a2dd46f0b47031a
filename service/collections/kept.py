"""Files of JSON that the service keeps for itself beside the collections: whole, or as they were before."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import orjson

from lsr.core.errors import IndexFormatError
from lsr.core.files import sync

FOLDER = ".service"


def read_kept(path: Path) -> Any:
    """What a file holds; None if there is none. IndexFormatError if it is not JSON."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise IndexFormatError(f"{path}: not JSON ({error})", remedies=["restore it, or remove it"]) from None


def write_kept(path: Path, value: Any) -> None:
    """Write a file, for the owner's eyes alone, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)
