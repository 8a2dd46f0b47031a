"""Tables of dense vectors, as NumPy writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError


def open_npy_table(path: str | Path, rows: str) -> npt.NDArray[np.floating]:
    """The floats of a .npy file [rows, dim], mapped: `rows` is what they are called. InputError if it is none.

    An OSError of opening it, as of a file that may not be read, is passed on.
    """
    form = f"one table of floats [{rows}, dim], as numpy.save writes it"
    try:
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError):
        # What NumPy says would have pickles loaded, which run code.
        raise InputError(f"not a .npy file of dense vectors: {form}", source=str(path)) from None
    if not isinstance(table, np.ndarray) or table.ndim != 2 or table.dtype.kind != "f":
        what = f"of {table.dtype} {table.shape}" if isinstance(table, np.ndarray) else "several arrays"
        raise InputError(f"dense vectors must be {form}, and not {what}", source=str(path))
    return table
