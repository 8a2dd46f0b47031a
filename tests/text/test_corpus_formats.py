"""Every format of corpus and queries, read back."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.text import FORMATS, FieldNames, count_documents, open_corpus, open_queries
from lsr.text.formats import CORPUS_FORMATS

Write = Callable[..., Path]

TWO = [Document("d1", "first text", "One"), Document("d2", "second text")]
TWO_LINES = ['{"_id": "d1", "title": "One", "text": "first text"}', '{"_id": "d2", "text": "second text"}']


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz", "c.jsonl.zst", "c.ndjson", "c.json", "C.JSONL.GZ"])
def test_jsonl(write: Write, name: str) -> None:
    if name == "C.JSONL.GZ":
        path = write(name, gzip.compress("\n".join(TWO_LINES).encode()))
    else:
        path = write(name, *TWO_LINES)
    assert list(open_corpus(path)) == TWO


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_compressed_files_that_were_joined_are_read_to_the_end(write: Write, name: str) -> None:
    parts = [write(name, line).read_bytes() for line in TWO_LINES]
    path = write(name)
    path.write_bytes(b"".join(parts))
    assert list(open_corpus(path)) == TWO


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_beir_folder(write: Write, tmp_path: Path, suffix: str) -> None:
    write("scifact/corpus.jsonl" + suffix, '{"_id": "1", "title": "T", "text": "x", "metadata": {"url": "u"}}')
    write("scifact/queries.jsonl" + suffix, '{"_id": "q", "text": "why", "metadata": {}}')
    write("scifact/notes.md", "not a document of this corpus")
    assert list(open_corpus(tmp_path / "scifact")) == [Document("1", "x", "T", {"metadata": {"url": "u"}})]
    assert list(open_queries(tmp_path / "scifact")) == [Query("q", "why")]
    assert count_documents(tmp_path / "scifact") == (None if suffix else 1)


def test_other_fields_are_kept_and_empty_metadata_is_not(write: Write) -> None:
    path = write(
        "c.jsonl", '{"_id": "1", "id": "other", "text": "x", "metadata": {}, "year": 1999, "tags": ["a", null]}'
    )
    assert next(open_corpus(path)).fields == {"id": "other", "year": 1999, "tags": ["a", None]}


@pytest.mark.parametrize("id_name", ["_id", "id", "docid", "doc_id", "pid"])
@pytest.mark.parametrize("text_name", ["text", "contents", "content", "body", "passage", "abstract"])
def test_usual_field_names(write: Write, id_name: str, text_name: str) -> None:
    path = write("c.jsonl", json.dumps({id_name: "1", text_name: "x"}))
    assert list(open_corpus(path)) == [Document("1", "x")]


def test_explicit_field_names(write: Write) -> None:
    names = FieldNames(id="key", title="headline", text="article")
    jsonl = write("c.jsonl", '{"key": 7, "headline": "H", "article": "A", "text": "kept"}')
    tsv = write("c.tsv", "article\tkey\theadline\ttext", "A\t7\tH\tkept")
    for path in (jsonl, tsv):
        assert list(open_corpus(path, fields=names)) == [Document("7", "A", "H", {"text": "kept"})]


def test_integer_ids_null_titles_and_empty_texts(write: Write) -> None:
    path = write("c.jsonl", '{"id": 12, "title": null, "text": ""}')
    assert list(open_corpus(path)) == [Document("12", "")]


def test_byte_order_mark_crlf_blank_lines_and_a_last_line_without_end(write: Write) -> None:
    path = write("c.jsonl", b'\xef\xbb\xbf{"id": 1, "text": "a"}\r\n\r\n   \n{"id": 2, "text": "b"}')
    assert list(open_corpus(path)) == [Document("1", "a"), Document("2", "b")]


def test_a_line_longer_than_every_buffer(write: Write) -> None:
    text = "word " * 1_000_000
    path = write("c.jsonl.gz", json.dumps({"id": 1, "text": text}), '{"id": 2, "text": "after"}')
    assert list(open_corpus(path)) == [Document("1", text), Document("2", "after")]


@given(st.lists(st.builds(Document, st.text(min_size=1), st.text(), st.text()), min_size=1, unique_by=lambda d: d.id))
@settings(max_examples=60)
def test_any_text_survives_jsonl(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> None:
    path = tmp_path_factory.mktemp("any") / "c.jsonl"
    # Written unescaped, so that line separators other than \n (U+2028, \x85, …) stand in the file.
    lines = [json.dumps({"_id": d.id, "title": d.title, "text": d.text}, ensure_ascii=False) for d in documents]
    path.write_bytes("\n".join(lines).encode())
    assert list(open_corpus(path)) == documents
    assert count_documents(path) == len(documents)


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_tsv_like_ms_marco(write: Write, suffix: str) -> None:
    collection = write("collection.tsv" + suffix, '0\tThe "presence of', "1\ttext with spaces  ")
    assert list(open_corpus(collection)) == [Document("0", 'The "presence of'), Document("1", "text with spaces  ")]
    topics = write("queries.dev.tsv" + suffix, "1048585\twhat is paula deen's brother")
    assert list(open_queries(topics)) == [Query("1048585", "what is paula deen's brother")]


def test_tsv_with_titles_urls_or_a_header(write: Write) -> None:
    assert list(open_corpus(write("a.tsv", "1\tT\tx"))) == [Document("1", "x", "T")]
    assert list(open_corpus(write("b.tsv", "D1\thttp://u\tT\tx"))) == [Document("D1", "x", "T", {"url": "http://u"})]
    with_header = write("c.tsv", "id\tyear\ttext", "1\t1999\tx")
    assert list(open_corpus(with_header)) == [Document("1", "x", "", {"year": "1999"})]
    assert list(open_queries(write("q.tsv", "qid\tquery", "9\twhy"))) == [Query("9", "why")]


@pytest.mark.parametrize("id_type", [pa.string(), pa.large_string(), pa.int32(), pa.uint64()])
def test_parquet(tmp_path: Path, id_type: pa.DataType) -> None:
    table = pa.table(
        {
            "id": pa.array(["1", "2", "3"]).cast(id_type),
            "title": pa.array(["T", None, ""]),
            "text": pa.array(["x", "y", "z"], pa.large_string()),
            "when": pa.array([0, 1, None], pa.date32()),
            "score": pa.array([0.5, float("nan"), None]),
            "tags": pa.array([["a"], [], None]),
        }
    )
    path = tmp_path / "c.parquet"
    pq.write_table(table, path, row_group_size=2)
    first, second, third = open_corpus(path)
    assert first == Document("1", "x", "T", {"when": "1970-01-01", "score": 0.5, "tags": ["a"]})
    assert second == Document("2", "y", "", {"when": "1970-01-02", "score": None, "tags": []})
    assert (third.id, third.title, third.text) == ("3", "", "z")
    assert count_documents(path) == 3
    assert [query.id for query in open_queries(path)] == ["1", "2", "3"]


def test_lines(write: Write) -> None:
    path = write("q.txt", "what is rain", "", "why is the sky blue")
    assert list(open_queries(path)) == [Query("1", "what is rain"), Query("3", "why is the sky blue")]
    assert list(open_corpus(path, format="lines")) == [
        Document("1", "what is rain"),
        Document("3", "why is the sky blue"),
    ]


@pytest.mark.parametrize(
    ("format", "data"),
    [(None, b'{"id": 1, "text": "x"}\n'), ("jsonl", b'{"id": "1", "text": "x"}'), ("tsv", b"1\tx"), ("lines", b"x\n")],
)
def test_stdin(monkeypatch: pytest.MonkeyPatch, format: str | None, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert list(open_corpus("-", format=format)) == [Document("1", "x")]
    assert count_documents("-") is None


def test_format_overrides_the_name(write: Write) -> None:
    assert list(open_corpus(write("c.txt", *TWO_LINES), format="jsonl")) == TWO
    assert list(open_corpus(write("dump", *TWO_LINES), format="jsonl")) == TWO


def test_counting(write: Write) -> None:
    assert count_documents(write("c.tsv", "1\ta", "2\tb", b"3\tc")) == 3
    assert count_documents(write("c.tsv.gz", "1\ta")) is None
    assert count_documents(write("note.md", "a\nb")) == 1


def test_each_ending_is_of_one_format() -> None:
    for for_queries in (False, True):
        endings = [ending for each in CORPUS_FORMATS.values() for ending in each.ends(for_queries=for_queries)]
        assert len(endings) == len(set(endings)) > 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_read_for_counting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert count_documents(tmp_path / "pipe.jsonl") is None


def test_reading_is_lazy(write: Write) -> None:
    lines = (f'{{"id": {number}, "text": "x"}}' for number in range(3))
    corpus = open_corpus(write("c.jsonl", *lines, "broken"))
    assert [next(corpus).id for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(InputError, match=r"c\.jsonl:4: malformed JSON"):
        next(corpus)


def test_every_format_is_described() -> None:
    assert list(FORMATS) == list(CORPUS_FORMATS)
    assert all(FORMATS.values())
