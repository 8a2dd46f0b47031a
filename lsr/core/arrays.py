"""Arrays that a caller gives, refused by InputError where they cannot be what is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.core.types import Rows, Vectors


def row_numbers(value: Any, what: str = "rows") -> Rows:
    """int64 [n]: numbers of rows. InputError for what is no list of whole numbers."""
    if isinstance(value, np.ndarray) and value.dtype == np.int64 and value.ndim == 1:
        return value
    if not isinstance(value, str | bytes):
        try:
            rows = np.asarray(value)
            if rows.ndim == 1 and (rows.dtype.kind in "iu" or not rows.size):
                return rows.astype(np.int64)
        except (TypeError, ValueError):
            pass
    raise InputError(f"{what} must be a list of whole numbers, not {kind_of(value)}")


def numbers(value: Any, what: str) -> Vectors:
    """float32, of whatever shape. InputError for what holds anything but numbers."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        with np.errstate(over="ignore"):  # what becomes infinite is refused where it is used
            return np.asarray(value, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what} must be numbers, not {kind_of(value)}") from None
