"""ir_datasets: a dataset made here stands for one that would be downloaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError, MissingDependencyError
from lsr.text import FieldNames, count_documents, open_corpus, open_queries

pytest.importorskip("ir_datasets")
import ir_datasets


class Paper(NamedTuple):
    doc_id: str
    title: str
    abstract: str
    pages: tuple[int, ...]
    scan: bytes = b"\x00"

    def default_text(self) -> str:
        return f"{self.title} {self.abstract}"


class Page(NamedTuple):
    doc_id: str
    title: str
    paragraphs: tuple[str, ...]

    def default_text(self) -> str:
        return " ".join((self.title, *self.paragraphs))


class Topic(NamedTuple):
    query_id: str
    title: str
    narrative: str

    def default_text(self) -> str:
        return self.title


class Made(ir_datasets.formats.BaseDocs, ir_datasets.formats.BaseQueries):
    def docs_iter(self) -> Iterator[Any]:
        yield Paper("p1", "Title", "An abstract.", (1, 2))
        yield Page("p2", "Page", ("one", "two"))

    def docs_metadata(self) -> dict[str, int]:
        return {"count": 2}

    def queries_iter(self) -> Iterator[Any]:
        yield Topic("t1", "short", "long")


class Offline(ir_datasets.formats.BaseDocs):
    def docs_iter(self) -> Iterator[Any]:
        raise ConnectionError("no network here")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ir_datasets.registry._registered, "lsr-made", ir_datasets.Dataset(Made()))
    monkeypatch.setitem(ir_datasets.registry._registered, "lsr-offline", ir_datasets.Dataset(Offline()))


def test_documents_and_queries() -> None:
    assert list(open_corpus("irds:lsr-made")) == [
        Document("p1", "An abstract.", "Title", {"pages": [1, 2]}),
        Document("p2", "one two", "Page", {"paragraphs": ["one", "two"]}),
    ]
    assert list(open_queries("irds:lsr-made")) == [Query("t1", "short")]
    assert list(open_queries("irds:lsr-made", fields=FieldNames(text="narrative"))) == [Query("t1", "long")]
    assert count_documents("irds:lsr-made") == 2


def test_what_is_not_there() -> None:
    with pytest.raises(InputError, match="irds:nothing-of-the-kind: ir_datasets has no dataset"):
        list(open_corpus("irds:nothing-of-the-kind"))
    with pytest.raises(InputError, match="this dataset has no queries"):
        list(open_queries("irds:lsr-offline"))
    with pytest.raises(InputError, match="could not fetch or read it: no network here"):
        list(open_corpus("irds:lsr-offline"))


def test_without_ir_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_datasets", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lsr-engine\[eval\]'"):
        list(open_corpus("irds:lsr-made"))
