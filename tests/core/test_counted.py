"""Numbers with what they count."""

from __future__ import annotations

import pytest

from lsr.core.counted import counted, singular


@pytest.mark.parametrize(
    ("count", "units", "words"),
    [
        (1, "documents", "1 document"),
        (0, "documents", "0 documents"),
        (1200, "queries", "1,200 queries"),
        (1, "judged queries", "1 judged query"),
        (1, "indexes", "1 index"),
    ],
)
def test_one_is_singular(count: int, units: str, words: str) -> None:
    assert counted(count, units) == words


def test_the_singular_of_the_last_word() -> None:
    assert singular("dense queries") == "dense query"
