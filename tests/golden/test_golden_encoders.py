"""Golden encoders load, say of themselves what they said, and encode as they did."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from answers import HERE, compare
from encoded import TEXTS, encode
from faces import SparseEncoder

# What processors add up in another order, or numbers near zero that one of them has and another has not.
CLOSE = 2e-5
NAMES = sorted(path.parent.name for path in HERE.glob("encoders/*/answers.json"))


def without_blank(answer: dict[str, object], *, expects_nothing: bool) -> dict[str, object]:
    """Without the rows of the text "", which encoders made something of in 0.1, and of which they make nothing now."""
    blank = TEXTS.index("")
    kept = dict(answer)
    if isinstance(lots := kept.get("documents"), list) and len(lots) == 1:  # token vectors, in one lot
        [[indptr, vectors]] = lots
        kept["documents"] = [vectors[first:last] for first, last in pairwise(indptr)]
    for side in ("documents", "queries"):
        rows = kept.get(side)
        if isinstance(rows, list) and len(rows) == len(TEXTS):
            kept[side] = rows[:blank] + rows[blank + 1 :]
            row = rows[blank]
            if expects_nothing:
                assert not any(row.values() if isinstance(row, dict) else row)
    return kept


def dense(answer: dict[str, object]) -> dict[str, object]:
    """Sparse rows as rows of all terms: one of a weight near zero may be there or not."""
    return {
        name: [[row.get(str(term), 0.0) for term in range(256)] for row in value]
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else value
        for name, value in answer.items()
    }


def test_every_kind_is_here() -> None:
    assert len(NAMES) == 14


@pytest.mark.parametrize("name", NAMES)
def test_encoders(name: str) -> None:
    folder = HERE / "encoders" / name
    expected = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    found = without_blank(encode(name, folder / "model"), expects_nothing=True)
    expected = without_blank(expected, expects_nothing=False)
    compare(dense(found), dense(expected), exact=False, where=name, close=CLOSE)


def test_bm25() -> None:
    expected = json.loads((HERE / "encoders" / "bm25.json").read_text(encoding="utf-8"))
    compare(encode("bm25", HERE / "corpus.jsonl"), expected, exact=False, close=CLOSE)


@pytest.mark.parametrize("name", ["splade", "router", "doc", "static", "scaled", "echo"])
def test_what_is_saved_again_encodes_the_same(name: str, tmp_path: Path) -> None:
    SparseEncoder.load(HERE / "encoders" / name / "model").save(tmp_path / "again")
    expected = json.loads((HERE / "encoders" / name / "answers.json").read_text(encoding="utf-8"))
    found = encode(name, tmp_path / "again")
    for each in (found, expected):
        del each["settings"]
    found, expected = without_blank(found, expects_nothing=True), without_blank(expected, expects_nothing=False)
    compare(dense(found), dense(expected), exact=False, close=CLOSE)
