"""Arrays by their address."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numba import njit

from lsr.index.kernels.views import place_of, view_at


@njit
def _sum_and_size(like: Any, place: Any) -> Any:
    view = view_at(like, place)
    total = 0
    for value in view:
        total += value
    return total, view.size


@njit
def _is_none(like: Any, place: Any) -> bool:
    return view_at(like, place) is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.int64])
@pytest.mark.parametrize("shape", [(0,), (7,), (3, 5)])
def test_a_view_holds_what_the_array_does(dtype: npt.DTypeLike, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    array.flags.writeable = False  # as mapped files are
    other = np.ones(4, dtype)
    other.flags.writeable = False
    assert _sum_and_size(other, np.array(place_of(array))) == (int(array.sum()), array.size)


def test_no_array_is_no_view() -> None:
    assert _is_none(None, np.array(place_of(None)))


def test_an_array_with_gaps_has_no_place() -> None:
    with pytest.raises(ValueError, match="gaps"):
        place_of(np.arange(10)[::2])
