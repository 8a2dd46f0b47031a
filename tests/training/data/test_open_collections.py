"""Candidates by id with the texts of a collection: BEIR and MS MARCO folders, ir_datasets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from set_contents import with_ids, with_texts

from lsr.core.errors import InputError
from lsr.training.data import TrainingSet

Write = Callable[..., Path]
Open = Callable[..., TrainingSet]


def test_judgements_of_a_beir_folder(beir: Path, opened: Open) -> None:
    made = opened(beir)
    assert with_ids(made) == [("q1", ["d1", "d3"], ["d2"], None), ("q2", ["d2"], [], None)]
    assert with_texts(made)[0] == ("birds", ["Tern a seabird", "Ice moves downhill"], ["leavened bread"], None)
    assert len(made.texts) == 3
    whole = opened(beir, all_texts=True)
    assert with_ids(whole) == with_ids(made)
    assert [whole.texts.id(row) for row in range(4)] == ["d1", "d2", "d3", "d4"]
    with pytest.raises(InputError, match="no split 'dev': there are train"):
        opened(beir, split="dev")


def test_candidates_by_id(beir: Path, write: Write, opened: Open) -> None:
    path = write(
        "mined.jsonl",
        {"query_id": "q3", "positives": ["d3"], "negatives": ["d4", "d1", "d9"], "scores": [4, 2, 1, 0]},
        {"query_id": "q7", "positives": ["d3"], "negatives": []},
        {"query_id": "q2", "positives": ["d8"], "negatives": ["d1"]},
        {"query_id": "q8", "query": "its own text", "positives": [{"docid": "d2"}], "negatives": []},
    )
    made = opened(beir, candidates=path)
    assert with_ids(made) == [("q3", ["d3"], ["d4", "d1"], [4, 2, 1]), ("q8", ["d2"], [], None)]
    assert [each.query for each in made] == ["cold", "its own text"]
    assert made.about["left_out"] == {
        "candidates without a text in the corpus": 2,
        "records whose query is not in the collection": 1,
        "queries without a positive": 1,
    }
    table = pa.Table.from_pylist([{"query_id": "q3", "positives": ["d3"], "negatives": ["d4"], "scores": [4.0, 2.0]}])
    pq.write_table(table, beir / "mined.parquet")
    assert with_ids(opened(beir, candidates=beir / "mined.parquet")) == [("q3", ["d3"], ["d4"], [4, 2])]


def test_positives_from_the_judgements(beir: Path, write: Write, opened: Open) -> None:
    path = write(
        "listed.jsonl",
        {"query": "q1", "docs": ["d4", "d3", "d2"], "scores": [3, 2, 1]},
        {"query": "q3", "docs": ["d4", "d3", "d2"], "scores": [3, 2, 1]},
    )
    made = opened(beir, candidates=path)
    assert with_ids(made) == [("q1", ["d3"], ["d4", "d2"], [2, 3, 1])]
    unscored = write("unscored.jsonl", {"query": "q1", "docs": ["d4", "d3"]})
    assert with_ids(opened(beir, candidates=unscored)) == [("q1", ["d1", "d3"], ["d4"], None)]


@pytest.mark.parametrize("triples", ["tsv", "jsonl", "arrays", "margins"])
def test_triples_by_id(beir: Path, write: Write, opened: Open, triples: str) -> None:
    rows = [("q2", "d2", "d1"), ("q1", "d1", "d2"), ("q2", "d2", "d4"), ("q2", "d2", "d1")]
    scores: dict[str, list[float]] = {"q2": [0, -4, -4], "q1": [0, -4]}
    if triples == "tsv":
        path = write("triples.tsv", *map("\t".join, rows))
    elif triples == "arrays":
        path = write("triples.json", *rows)
    else:
        names = ("query_id", "positive_id", "negative_id")
        margin = {"score": 4.0} if triples == "margins" else {}
        path = write("triples.jsonl", *(dict(zip(names, row, strict=True)) | margin for row in rows))
    assert with_ids(opened(beir, candidates=path)) == [
        ("q2", ["d2"], ["d1", "d4"], scores["q2"] if triples == "margins" else None),
        ("q1", ["d1"], ["d2"], scores["q1"] if triples == "margins" else None),
    ]


def test_triples_with_a_teachers_scores(beir: Path, write: Write, opened: Open) -> None:
    path = write("train_scores_ids.tsv", "9.5\t1.5\tq2\td2\td1", "9.5\t-2\tq2\td2\td4")
    assert with_ids(opened(beir, candidates=path)) == [("q2", ["d2"], ["d1", "d4"], [9.5, 1.5, -2])]


def test_n_way_examples(beir: Path, write: Write, opened: Open) -> None:
    path = write("examples.json", ["q2", ["d2", 0.75], ["d1", 0.5], ["d4", 0.25]])
    assert with_ids(opened(beir, candidates=path)) == [("q2", ["d2"], ["d1", "d4"], [0.75, 0.5, 0.25])]


def test_a_folder_that_lacks_something(tmp_path: Path, beir: Path, opened: Open, write: Write) -> None:
    with pytest.raises(InputError, match=r"neither a BEIR folder .* such as FOLDER/\*\.parquet"):
        opened(tmp_path)
    mined = write("mined.jsonl", {"query_id": "q3", "positives": ["d3"], "negatives": ["x"], "scores": [1, 2, 3]})
    with pytest.raises(InputError, match=r"mined\.jsonl:1: field 'scores': 3 numbers for 1 positives and 1"):
        opened(beir, candidates=mined)
    with pytest.raises(InputError, match="no examples; left out: records whose query is not in"):
        opened(beir, candidates=write("other.jsonl", {"qid": 5, "pos": [6], "neg": {"bm25": [7]}}))
    (beir / "qrels" / "train.tsv").unlink()
    (beir / "qrels").rmdir()
    with pytest.raises(InputError, match=r"no judgements in qrels/: give candidates, or .* titles:FOLDER"):
        opened(beir)


@pytest.fixture
def folder(tmp_path: Path, write: Write) -> Path:
    write("msmarco/collection.tsv.gz", *(f"{n}\tpassage {n}" for n in range(10)))
    write("msmarco/queries.train.tsv", "100\tfirst", "200\tsecond", "300\tthird")
    write("msmarco/qrels.train.tsv", "100\t0\t1\t1", "200\t0\t2\t1", "200\t0\t3\t1", "300\t0\t4\t1")
    return tmp_path / "msmarco"


@pytest.fixture
def hard_negatives(write: Write) -> Path:
    # The published file has positives among its negatives, too.
    return write(
        "msmarco-hard-negatives.jsonl.gz",
        {"qid": 200, "pos": [2, 3], "neg": {"bm25": [5, 3, 6], "tas-b": [7, 5]}},
        {"qid": 100, "pos": [1], "neg": {"bm25": [8]}},
        {"qid": 999, "pos": [1], "neg": {"bm25": [8]}},
    )


def test_judgements(folder: Path, opened: Open) -> None:
    made = opened(folder)
    assert with_ids(made) == [
        ("100", ["1"], [], None),
        ("200", ["2", "3"], [], None),
        ("300", ["4"], [], None),
    ]
    assert with_texts(made)[1][:2] == ("second", ["passage 2", "passage 3"])
    with pytest.raises(InputError, match=r"needs queries\.dev\.tsv"):
        opened(folder, split="dev")


def test_hard_negatives(folder: Path, hard_negatives: Path, opened: Open) -> None:
    made = opened(folder, candidates=hard_negatives)
    assert with_ids(made) == [("200", ["2", "3"], ["5", "7", "6"], None), ("100", ["1"], ["8"], None)]
    dense = opened(folder, candidates=hard_negatives, systems=["tas-b"])
    assert with_ids(dense) == [("200", ["2", "3"], ["7", "5"], None), ("100", ["1"], [], None)]
    with pytest.raises(InputError, match="no negatives of ance; there are: bm25, tas-b"):
        opened(folder, candidates=hard_negatives, systems=["bm25", "ance"])


@pytest.mark.parametrize("suffix", [".pkl.gz", ".jsonl"])
def test_with_cross_encoder_scores(folder: Path, hard_negatives: Path, write: Write, opened: Open, suffix: str) -> None:
    scores = {100: {1: 10.5, 8: -3.0}, 200: {2: 9.0, 5: 4.0, 6: 2.0, 7: -1.0, 77: 0.0}, 300: {4: 8.0, 9: -8.0}}
    if suffix == ".jsonl":
        path = write("scores.jsonl", *({"qid": q, "scores": found} for q, found in scores.items()))
    else:
        path = write("scores.pkl.gz", pickle.dumps(scores))
    made = opened(folder, candidates=hard_negatives, scores=path)
    assert with_ids(made) == [
        ("200", ["2"], ["5", "7", "6"], [9, 4, -1, 2]),
        ("100", ["1"], ["8"], [10.5, -3]),
    ]
    assert made.scored and made.about["left_out"]["candidates without a score"] == 2

    # The scored passages as candidates, the positives from the judgements, as naver/splade trains.
    assert with_ids(opened(folder, candidates=path)) == [
        ("100", ["1"], ["8"], [10.5, -3]),
        ("200", ["2"], ["5", "6", "7"], [9, 4, 2, -1]),
        ("300", ["4"], ["9"], [8, -8]),
    ]


def test_scores_that_are_none(folder: Path, hard_negatives: Path, opened: Open) -> None:
    with pytest.raises(InputError, match=r"negatives\.jsonl\.gz:1: field 'scores': the candidates have no scores"):
        opened(folder, candidates=hard_negatives, scores=hard_negatives)


class Doc(NamedTuple):
    doc_id: str
    text: str

    def default_text(self) -> str:
        return self.text


class Query(NamedTuple):
    query_id: str
    text: str

    def default_text(self) -> str:
        return self.text


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    ir_datasets = pytest.importorskip("ir_datasets")
    from ir_datasets import formats

    class Texts(formats.BaseDocs, formats.BaseQueries):
        def docs_iter(self) -> Iterator[Doc]:
            return (Doc(f"d{n}", f"text {n}") for n in range(6))

        def queries_iter(self) -> Iterator[Query]:
            return iter([Query("q1", "one"), Query("q2", "two")])

    class Judged(formats.BaseQrels):
        def qrels_iter(self) -> Iterator[Any]:
            rows = [("q1", "d1", 1), ("q1", "d2", -1), ("q2", "d3", 2)]
            return (formats.TrecQrel(query, doc, grade, "0") for query, doc, grade in rows)

    class Pairs(formats.BaseDocPairs):
        def docpairs_iter(self) -> Iterator[Any]:
            rows = [("q2", "d3", "d1"), ("q1", "d1", "d5"), ("q2", "d3", "d4")]
            return (formats.GenericDocPair(*row) for row in rows)

    datasets = {
        "lsr-judged": (Texts(), Judged()),
        "lsr-pairs": (Texts(), Judged(), Pairs()),
        "lsr-bare": (Texts(),),
    }
    for name, parts in datasets.items():
        monkeypatch.setitem(ir_datasets.registry._registered, name, ir_datasets.Dataset(*parts))


def test_judgements_and_pairs(opened: Open, write: Write) -> None:
    made = opened("irds:lsr-judged")
    assert with_ids(made) == [("q1", ["d1"], ["d2"], None), ("q2", ["d3"], [], None)]
    assert with_texts(made)[0] == ("one", ["text 1"], ["text 2"], None)
    assert with_ids(opened("irds:lsr-pairs")) == [
        ("q2", ["d3"], ["d1", "d4"], None),
        ("q1", ["d1"], ["d5"], None),
    ]
    mined = write("mined.jsonl", {"query_id": "q1", "positives": ["d1"], "negatives": ["d0"]})
    assert with_ids(opened("irds:lsr-pairs", candidates=mined)) == [("q1", ["d1"], ["d0"], None)]
    with pytest.raises(InputError, match="no judgements"):
        opened("irds:lsr-bare")
    with pytest.raises(InputError, match="ir_datasets has no dataset 'lsr-nothing'"):
        opened("irds:lsr-nothing")


@pytest.mark.parametrize(
    "header", ["query_id\tpositive_id\tnegative_id", "qid\tpos\tneg", "Query-ID\tpositive\tnegative"]
)
def test_a_header_of_triples_by_id_is_none(beir: Path, write: Write, opened: Open, header: str) -> None:
    made = opened(beir, candidates=write("ids.tsv", header, "q3\td3\td4"))
    assert with_ids(made) == [("q3", ["d3"], ["d4"], None)] and made.about["left_out"] == {}


def test_ids_of_which_none_is_there_are_named(beir: Path, write: Write, opened: Open) -> None:
    with pytest.raises(
        InputError, match=r"left out: records whose query is not in the collection: 1 \(the first: 'x'\)"
    ):
        opened(beir, candidates=write("ids.tsv", "x\td3\td4"))
    with pytest.raises(InputError, match=r"candidates without a text in the corpus: 2 \(the first: 'A seabird'\)"):
        opened(beir, candidates=write("texts.tsv", "q3\tA seabird\tBread"))
