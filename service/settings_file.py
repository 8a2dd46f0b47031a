"""The file of settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError, MissingInputError
from lsr.core.limits import LONGEST_RECORD, in_mebibytes

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


def read_toml(path: str | Path) -> dict[str, Any]:
    """The entries of a TOML file, of which there are no sections. MissingInputError, and InputError with the line."""
    source = str(path)
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LONGEST_RECORD + 1)
        if len(raw) > LONGEST_RECORD:
            raise InputError(f"holds more than {in_mebibytes(LONGEST_RECORD)}", source=source)
        text = raw.decode("utf-8-sig")
        return tomllib.loads(text)
    except FileNotFoundError:
        raise MissingInputError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise InputError("is a folder, where a file is needed", source=source) from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"is not UTF-8: byte 0x{raw[error.start]:02x}", source=source, line=line) from None
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        at = text.count("\n") + 1 if found is None or found[1] is None else int(found[1])
        raise InputError(f"is not TOML: {_PLACE.sub('', str(error))}", source=source, line=at) from None
    except ValueError as error:  # a number of too many digits, of which Python says what is of use to programmers
        raise InputError(f"is not TOML: {str(error).partition(';')[0]}", source=source) from None
    except RecursionError:
        raise InputError("is not TOML that can be read: nested too deeply", source=source) from None
