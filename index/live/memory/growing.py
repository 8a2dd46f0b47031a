"""Arrays that grow at their end, of which readers keep what they have seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_FIRST = 1024


class Growing:
    """A one-dimensional array that is appended to; `view` is of what it holds now, and never changes.

    What was handed out stays as it is: values are only written behind it, or into a new array twice as large.
    """

    __slots__ = ("_values", "length")

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._values = np.zeros(_FIRST, dtype)
        self.length = 0

    def append(self, values: npt.NDArray[Any]) -> None:
        """Append values, cast to the array's type."""
        end = self.length + len(values)
        if end > len(self._values):
            grown = np.zeros(max(end, 2 * len(self._values)), self._values.dtype)
            grown[: self.length] = self._values[: self.length]
            self._values = grown
        self._values[self.length : end] = values
        self.length = end

    def view(self) -> npt.NDArray[Any]:
        """All of it, read-only: as arrays of files are, so that kernels are compiled for one type."""
        found = self._values[: self.length]
        found.flags.writeable = False
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        return self._values.nbytes
