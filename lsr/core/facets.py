"""How often the values of a field occur."""

from __future__ import annotations

from typing import NamedTuple


class FacetValue(NamedTuple):
    """A value, and how many documents have it."""

    value: str | int | bool
    documents: int


class Facet(NamedTuple):
    """The values of a field among some documents.

    Attributes:
        values: the commonest, the commonest first, ties in ascending order.
        more: how many other values there are.
        missing: how many of the documents have none.
    """

    values: list[FacetValue]
    more: int
    missing: int
