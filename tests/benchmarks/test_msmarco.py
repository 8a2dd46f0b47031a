"""The made collection in MS MARCO's files: what `lsr eval` reads, with answers that are there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import numpy as np
from msmarco import CANDIDATES, PASSAGES, QRELS, QUERIES, WORDS, _word, make_collection, write_candidates

from lsr.eval import Ranking, load_collection
from lsr.eval.candidates import Candidate, read_candidates


def test_it_is_read_as_the_real_files_are(tmp_path: Path) -> None:
    make_collection(tmp_path / "made", 300, 20, seed=3)
    made = tmp_path / "made"
    collection = load_collection(str(made / PASSAGES), queries=made / QUERIES, qrels=made / QRELS)
    passages = {document.id: document.text.split() for document in collection.documents()}
    assert len(passages) == 300 and len(collection.queries) == 20 and collection.judgements == 20
    assert 45 < sum(map(len, passages.values())) / 300 < 67
    for query in collection.queries:
        (answer,) = collection.qrels[query.id]
        words = query.text.split()
        assert 3 <= len(words) <= 9 and set(words) <= set(passages[answer])


def test_the_seed_decides_every_byte(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        make_collection(tmp_path / name, 40, 4, seed)
    one, again, other = ((tmp_path / name / PASSAGES).read_bytes() for name in ("one", "again", "other"))
    assert one == again != other


def test_no_two_made_words_are_the_same() -> None:
    assert len({_word(number) for number in range(WORDS)}) == WORDS


def test_candidates_are_written_as_the_real_ones_are(tmp_path: Path) -> None:
    make_collection(tmp_path / "made", 40, 3, seed=1)
    made = tmp_path / "made"
    collection = load_collection(str(made / PASSAGES), queries=made / QUERIES, qrels=made / QRELS)
    texts = {document.id: document.text for document in collection.documents()}
    asked = {query.id: query.text for query in collection.queries}
    run = {id: Ranking(["7", "30", "2"], np.zeros(3)) for id in ("1", "0")}
    assert write_candidates(made, run, 2, seed=5) == 4
    found = list(read_candidates(made / CANDIDATES))
    assert [each.document_id for each in found] == ["7", "7", "30", "30"]
    assert set(found) == {Candidate(q, d, asked[q], texts[d]) for q in run for d in ("7", "30")}
