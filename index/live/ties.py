"""One ranking of several segments': by score, ties by document id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.types import Rows

OrderOf = Callable[[Rows], list[Any]]


def merge(
    rankings: Sequence[tuple[Rows, npt.NDArray[np.floating]]], k: int | None, order_of: OrderOf
) -> npt.NDArray[np.intp]:
    """The places of the k best (all, for None) of rankings that are put one after another, best first.

    Each ranking's rows are a snapshot's, best first, ties by id; `order_of` gives their ids, which are read only where
    scores are equal.
    """
    rows = np.concatenate([rows for rows, _ in rankings])
    scores = np.concatenate([scores for _, scores in rankings])
    # Stable, so that ties within a ranking stay in its order.
    order = np.argsort(-scores, kind="stable")
    return settle(order, rows, scores, k, order_of)


def settle(
    order: npt.NDArray[np.intp], rows: Rows, scores: npt.NDArray[np.floating], k: int | None, order_of: OrderOf
) -> npt.NDArray[np.intp]:
    """The first k places of an order by descending score, once places of equal scores are ordered by id."""
    ranked = scores[order]
    equal = np.flatnonzero(ranked[1:] == ranked[:-1])
    if k is not None:
        equal = equal[equal < k]
    done = -1
    for start in equal.tolist():
        if start <= done:
            continue
        stop = start + 2
        while stop < len(ranked) and ranked[stop] == ranked[start]:
            stop += 1
        run = order[start:stop]
        ids = order_of(rows[run])
        # Python compares texts by code points, which is the order of their bytes in UTF-8.
        order[start:stop] = run[sorted(range(len(run)), key=ids.__getitem__)]
        done = stop - 1
    return order if k is None else order[:k]
