"""Golden indexes open, are sound, and answer as they did for the code that wrote them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from answers import CLOSE, EXACT, HERE, Opened, compare, compare_rankings, compare_sums
from faces import facts, verify

FOLDERS = sorted(HERE.glob("index/*/*/answers.json"))
NAMES = [f"{path.parents[1].name}/{path.parent.name}" for path in FOLDERS]
# Encoders of today may run in other numbers than where the answers were written: bfloat16, where a CPU has it.
TEXT_CLOSE = 0.05
SYMBOL = re.compile(r"[^\w\s]")


def test_every_format_is_here() -> None:
    assert {name.split("/")[0] for name in NAMES} == {"format-2", "format-3"} and len(NAMES) >= 17


@pytest.mark.parametrize("path", FOLDERS, ids=NAMES)
def test_answers(path: Path) -> None:
    folder = path.parent / "index"
    expected = json.loads(path.read_text(encoding="utf-8"))
    assert verify(folder) == []
    opened = Opened(folder, expected["side"])
    compare(facts(opened.index), expected["facts"], exact=True, where="facts")
    assert expected["searches"]
    for each in expected["searches"]:
        call, answer = each["call"], each["answer"]
        found = opened.ask(call)
        if call["by"] == "text" and expected["side"] == "doc" and SYMBOL.search(opened.stored.text[call["query"]]):
            # The hyphen of "re-ranking" weighed until 0.2; symbols weigh nothing in queries by tables now.
            assert found["hits"] and found["hits"] != answer["hits"]
        elif call["by"] == "text" and expected["facts"]["encoder"]["model"] != "bm25":
            compare_rankings(found, answer, CLOSE if EXACT else TEXT_CLOSE, str(call))
        elif EXACT or call.get("exact", True):
            compare_sums(found, answer, expected, str(call))
        else:
            compare(found, answer, exact=False, where=str(call))


def test_what_is_compared_can_differ() -> None:
    """A score one bit off is another answer, and one a few bits off what was a sum of roundings."""
    path = HERE / "index/format-3/plain"
    expected = json.loads((path / "answers.json").read_text(encoding="utf-8"))
    [first, *_] = expected["searches"]
    opened = Opened(path / "index")
    found, again = opened.ask(first["call"]), opened.ask(first["call"])
    score = found["hits"][0][1]
    compare_sums(again, found, {"sums": "exact"})
    found["hits"][0][1] = float(str(np.nextafter(np.float32(score), np.float32(0))))
    with pytest.raises(AssertionError):
        compare_sums(again, found, {"sums": "exact"})
    compare_sums(found, first["answer"], expected)
    found["hits"][0][1] = score * 1.000008
    with pytest.raises(AssertionError):
        compare_sums(found, first["answer"], expected)
    compare(found, first["answer"], exact=False)
    found["hits"][0][1] = score * 1.001
    with pytest.raises(AssertionError):
        compare(found, first["answer"], exact=False)
