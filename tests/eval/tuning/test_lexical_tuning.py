from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Document, Retriever
from lsr.build.corpus import index_corpus
from lsr.core.documents import Query
from lsr.core.errors import IndexFormatError, InputError
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.eval.tuning.lexical import WEIGHTS, _halves, tune_lexical
from lsr.index import Index
from lsr.index.format.output import change_manifest
from lsr.search.lexical import LexicalTuning, store_lexical, stored_lexical

# The encoder knows cats and dogs alone: which of two is meant, the other words say.
PLACES = ["paris", "london", "rome", "oslo", "lima", "quito", "cairo", "delhi", "kyoto", "seoul", "hanoi", "accra"]
DOCUMENTS = [Document(f"{place}-{pet}", f"{pet} {pet} {place}") for place in PLACES for pet in ("cat", "dog")]
QUERIES = [Query(place, f"cat {place}") for place in PLACES]


@pytest.fixture
def retriever(words: Any, tmp_path: Path) -> Retriever:
    index_corpus(DOCUMENTS, tmp_path / "index", words, lexical=LexicalSettings(weight=0.0))
    return opened(words, tmp_path)


def opened(words: Any, tmp_path: Path) -> Retriever:
    retriever = Retriever.open(tmp_path / "index")
    retriever.encoder = words
    return retriever


def test_the_weight_that_ranks_best_is_found_stored_and_used(retriever: Retriever, words: Any, tmp_path: Path) -> None:
    qrels = {place: {f"{place}-cat": 1} for place in PLACES}
    found = tune_lexical(retriever, QUERIES, qrels)
    assert found.curve.keys() == set(WEIGHTS) and found.tuning.weight == WEIGHTS[1], "the first of equals"
    assert found.halves["tuned"] == found.curve[WEIGHTS[1]] == 1 > found.halves["untuned"] == found.tuning.before
    assert retriever.lexical_weight == 0
    store_lexical(retriever.index, found.tuning)
    again = opened(words, tmp_path)
    assert stored_lexical(again.index) == found.tuning and again.lexical_weight == WEIGHTS[1]
    assert [next(iter(again.search(query.text))).id for query in QUERIES] == [f"{place}-cat" for place in PLACES]
    assert again.index.describe()["lexical"]["queries"] == len(PLACES)
    first = again.search("cat quito", 5)
    assert [hit.score for hit in first] == [
        hit.score for hit in again.search("cat quito", 5, lexical_weight=WEIGHTS[1])
    ]


def test_where_no_weight_is_better_that_of_the_index_stays(words: Any, tmp_path: Path) -> None:
    index_corpus(DOCUMENTS, tmp_path / "index", words, lexical=LexicalSettings(weight=0.7))
    found = tune_lexical(
        opened(words, tmp_path), QUERIES, {place: {f"{place}-cat": 1} for place in PLACES}, metric="MRR@10"
    )
    assert found.tuning.weight == 0.7 and found.tuning.metric == "mrr@10"


def test_halves_by_hand() -> None:
    """On rows 0 and 1 the last weight is best, on 2 and 3 the middle one."""
    values = np.array([[0.5, 0.0, 1.0], [0.5, 0.0, 0.8], [0.5, 1.0, 0.2], [0.5, 0.6, 0.0]])
    assert _halves(values, 0, np.arange(4)) == {"untuned": 0.5, "tuned": (0.0 + 0.0 + 0.2 + 0.0) / 4}


def test_what_cannot_be_tuned_is_refused(retriever: Retriever, words: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 of the queries are judged: tuning needs at least 10"):
        tune_lexical(retriever, QUERIES, {"paris": {"paris-cat": 1}, "rome": {"rome-cat": 1}, "oslo": {"oslo-cat": 0}})
    index_corpus(DOCUMENTS, tmp_path / "plain", words)
    with pytest.raises(InputError, match="holds no words beside a model's terms"):
        tune_lexical(Retriever.open(tmp_path / "plain"), QUERIES, {})


def test_a_record_that_makes_no_sense_is_named(retriever: Retriever) -> None:
    store_lexical(retriever.index, LexicalTuning(1.0, "ndcg@10", 0.5, 0.4, 12))

    def damaged(manifest: Any) -> Any:
        from dataclasses import replace

        return replace(manifest, lexical={**manifest.lexical, "weight": -1})

    change_manifest(retriever.index.path, retriever.index.manifest.segment, damaged)
    with pytest.raises(IndexFormatError, match=r"record of its words' weight is not readable .*weight"):
        Retriever(Index.open(retriever.index.path))
