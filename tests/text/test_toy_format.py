"""A format of one's own: registered, it is found by its name, read, counted and offered with no edit anywhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.text import FieldNames, count_documents, open_corpus, open_queries
from lsr.text.formats import CORPUS_FORMATS, CorpusFormat
from lsr.text.lines import OnBad, name_of, read_lines
from lsr.text.records import Record

Write = Callable[..., Path]
LINES = ("d1=first text", "d2=second text")
TWO = [Document("d1", "first text"), Document("d2", "second text")]


def read_pairs(source: str | Path, names: FieldNames, on_bad: OnBad) -> Iterator[Record]:
    """ID=TEXT a line."""
    for line, text in read_lines(source, on_bad):
        id, equals, rest = text.partition("=")
        if equals:
            yield Record(line, {"id": id, "text": rest})
        else:
            on_bad(InputError("no = in it", source=name_of(source), line=line))


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = CorpusFormat(title="ID=TEXT a line: .pairs", read=read_pairs, suffixes=(".pairs",), stdin=True)
    monkeypatch.setitem(CORPUS_FORMATS, "pairs", pairs)


@pytest.mark.parametrize("name", ["c.pairs", "C.PAIRS", "c.pairs.gz", "c.pairs.zst"])
def test_it_is_found_by_its_name(registered: None, write: Write, name: str) -> None:
    path = write(name.lower(), *LINES)
    path = path.rename(path.with_name(name))
    assert list(open_corpus(path)) == TWO
    assert list(open_queries(path)) == [Query("d1", "first text"), Query("d2", "second text")]
    # It does not say how many documents there are, and nobody takes its lines for them.
    assert count_documents(path) is None


def test_it_is_read_where_it_is_named(
    registered: None, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(open_corpus(write("dump", *LINES), format="pairs")) == TWO
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"d1=first text\n")))
    assert list(open_corpus("-", format="pairs")) == TWO[:1]
    with pytest.raises(InputError, match="this is a folder, which format 'pairs' does not read"):
        open_corpus(tmp_path, format="pairs")


def test_errors_name_it_and_its_lines(registered: None, write: Write) -> None:
    with pytest.raises(InputError, match=r"c\.pairs:2: no = in it"):
        list(open_corpus(write("c.pairs", "d1=first text", "broken")))
    with pytest.raises(InputError, match=r"name it: one of beir, .*, pairs"):
        open_corpus(write("dump", *LINES))
    with pytest.raises(InputError, match=r"there is no format 'xml'; choose one of beir, .*, pairs"):
        open_corpus(write("dump", *LINES), format="xml")
    with pytest.raises(InputError, match="cannot be read from stdin; give jsonl, tsv, csv, lines or pairs"):
        open_corpus("-", format="parquet")


def test_a_folder_with_a_file_of_each(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(folder: Path, part: str) -> Path:
        return folder / f"{part}.pairs"

    kind = CorpusFormat(title="two files", read=read_pairs, is_folder=True, locate=locate, count=lambda source: 7)
    monkeypatch.setitem(CORPUS_FORMATS, "twins", kind)
    write("twins/corpus.pairs", *LINES)
    write("twins/queries.pairs", "q=why")
    assert list(open_corpus(tmp_path / "twins", format="twins")) == TWO
    assert list(open_queries(tmp_path / "twins", format="twins")) == [Query("q", "why")]
    assert count_documents(tmp_path / "twins", format="twins") == 7


def test_without_it_the_name_says_nothing(write: Write) -> None:
    with pytest.raises(InputError, match="cannot tell the format from the name"):
        open_corpus(write("c.pairs", *LINES))
