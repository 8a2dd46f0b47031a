from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lsr import Document
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.eval import load_collection


def test_a_beir_folder(collection_folder: Path) -> None:
    collection = load_collection(collection_folder)
    assert (collection.name, collection.split) == ("pets", "test")
    assert collection.queries == [Query("q1", "cat sat"), Query("q2", "fish"), Query("q3", " ")]
    assert collection.qrels == {"q1": {"d2": 1, "d4": 0}, "q2": {"d3": 2}, "q3": {"d1": 1}}
    assert collection.judgements == 4
    for _ in range(2):  # the corpus can be read again
        assert [document.id for document in collection.documents()] == ["d1", "d2", "d3", "d4"]


def test_an_unknown_split_lists_those_that_exist(collection_folder: Path) -> None:
    (collection_folder / "qrels" / "train.txt.gz").write_bytes(gzip.compress(b"q1 0 d1 1\n"))
    (collection_folder / "qrels" / "README.md").write_text("about")
    with pytest.raises(InputError, match="no split 'dev': there are test, train"):
        load_collection(collection_folder, "dev")
    assert load_collection(collection_folder, "train").qrels == {"q1": {"d1": 1}}


def test_judged_queries_that_are_not_there_are_left_out_and_listed(collection_folder: Path) -> None:
    assert load_collection(collection_folder).left_out == ()
    with (collection_folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q9\td1\t1\nq8\td1\t1\n")
    collection = load_collection(collection_folder)
    assert collection.left_out == ("q9", "q8") and list(collection.qrels) == ["q1", "q2", "q3"]
    (collection_folder / "qrels" / "test.tsv").write_text("q9\td1\t1\n")
    with pytest.raises(InputError, match=r"none of the 1 queries judged in .* judged is 'q9', there is 'q1'"):
        load_collection(collection_folder)


def test_a_grade_below_zero_is_no_judgement(collection_folder: Path) -> None:
    with (collection_folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\td3\t-1\n")
    assert load_collection(collection_folder).judgements == 4


def test_files_in_place_of_a_folder(collection_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "collection.tsv").write_text("7\ta passage\n")
    (tmp_path / "queries.dev.tsv").write_text("1\twhat\n2\twho\n")
    (tmp_path / "qrels.dev.tsv").write_text("2\t0\t7\t1\n")
    collection = load_collection(
        tmp_path / "collection.tsv", queries=tmp_path / "queries.dev.tsv", qrels=tmp_path / "qrels.dev.tsv"
    )
    assert collection.queries == [Query("2", "who")]
    assert collection.name == "collection"
    assert [document.text for document in collection.documents()] == ["a passage"]
    with pytest.raises(InputError, match="not both"):
        load_collection(collection_folder, "test", qrels=tmp_path / "qrels.dev.tsv")


def test_without_judgements(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        load_collection(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no judgements"):
        load_collection(tmp_path)


class _Doc(NamedTuple):
    doc_id: str
    text: str

    def default_text(self) -> str:
        return self.text


class _Query(NamedTuple):
    query_id: str
    text: str

    def default_text(self) -> str:
        return self.text


class _Qrel(NamedTuple):
    query_id: str
    doc_id: str
    relevance: int
    iteration: str


class _Dataset:
    """What ir_datasets gives, by its published interface."""

    def __init__(self, judged: bool) -> None:
        self.judged = judged

    def has_docs(self) -> bool:
        return True

    has_queries = has_docs

    def has_qrels(self) -> bool:
        return self.judged

    def docs_iter(self) -> Any:
        return iter([_Doc("d1", "cat")])

    def queries_iter(self) -> Any:
        return iter([_Query("1", "cats"), _Query("2", "dogs")])

    def qrels_iter(self) -> Any:
        return iter([_Qrel("1", "d1", 2, "0")])


def test_ir_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    import ir_datasets

    datasets = {"pets/dev": _Dataset(judged=True), "pets": _Dataset(judged=False)}
    monkeypatch.setattr(ir_datasets, "load", datasets.__getitem__)
    collection = load_collection("irds:pets/dev")
    assert (collection.name, collection.split) == ("pets/dev", None)
    assert collection.queries == [Query("1", "cats")]
    assert collection.qrels == {"1": {"d1": 2}}
    assert list(collection.documents()) == [Document("d1", "cat")]
    with pytest.raises(InputError, match="no judgements"):
        load_collection("irds:pets")
    with pytest.raises(InputError, match="no dataset 'birds'"):
        load_collection("irds:birds")
    with pytest.raises(InputError, match="irds:NAME/dev"):
        load_collection("irds:pets/dev", "dev")


def test_a_failed_download_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import ir_datasets

    class Unreachable(_Dataset):
        def qrels_iter(self) -> Any:
            raise ConnectionError("name or service not known")

    monkeypatch.setattr(ir_datasets, "load", {"pets/dev": Unreachable(judged=True)}.__getitem__)
    with pytest.raises(InputError, match=r"irds:pets/dev.*could not fetch or read it: name or service"):
        load_collection("irds:pets/dev")
