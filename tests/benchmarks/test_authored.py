"""The authored collection is sound, and what comes first is counted by kind."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from authored import FOLDER, Asked, firsts, markdown, place, read_kinds

from lsr.eval import load_collection


def test_every_query_has_a_kind_and_one_right_document() -> None:
    collection = load_collection(FOLDER)
    texts = {document.id: document.text for document in collection.documents()}
    kinds = read_kinds(FOLDER / "queries.jsonl")
    asked = collection.asked()
    assert len(asked) == 60 == len({query.text for query in asked})
    assert len(set(texts.values())) == len(texts) <= 250
    assert all(len(collection.qrels[query.id]) == 1 for query in asked)
    assert all(document in texts for query in asked for document in collection.qrels[query.id])
    assert min(Counter(kinds[query.id] for query in asked).values()) >= 3


def test_what_comes_first_is_counted_by_kind() -> None:
    asked = [
        Asked(
            "codes", "a|b", "d1", {"model": 1, "words": None, "both": 2}, {"model": "x", "words": None, "both": "y|z"}
        ),
        Asked("names", "b", "d2", {"model": 3, "words": 1, "both": 1}, {"model": "x", "words": "z", "both": "z"}),
    ]
    assert place(["d3", "d1"], "d1") == 2
    assert place(["d3"], "d1") is None
    assert firsts(asked) == {
        "codes": {"queries": 1, "model": 1, "words": 0, "both": 0},
        "names": {"queries": 1, "model": 0, "words": 1, "both": 1},
        "all": {"queries": 2, "model": 1, "words": 1, "both": 1},
    }
    assert json.loads(json.dumps(firsts(asked))) == firsts(asked)
    lines = markdown(asked, "tiny").splitlines()
    assert "| codes | `a\\|b` | d1 | 1 | – | 2 | y\\|z |" in lines
    assert not any(line.startswith("| names | `b`") for line in lines)
