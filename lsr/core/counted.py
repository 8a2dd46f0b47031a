"""Numbers with what they count, in words: "1 query", "1,200 queries"."""

from __future__ import annotations

# Of units whose singular is not the plural without its last letter.
_SINGULAR = {"indexes": "index", "batches": "batch", "passes": "pass"}


def counted(count: int, units: str) -> str:
    """The number and its unit, which is given as a plural: the last word of "judged queries"."""
    return f"{count:,} {singular(units) if count == 1 else units}"


def verb(count: int, one: str = "is", more: str = "are") -> str:
    """What the counted do: "is" for one of them, "are" for others."""
    return one if count == 1 else more


def singular(units: str) -> str:
    """One of these: "judged query" of "judged queries"."""
    *words, last = units.split(" ")
    one = last.removesuffix("ies") + "y" if last.endswith("ies") else last.removesuffix("s")
    return " ".join([*words, _SINGULAR.get(last, one)])
