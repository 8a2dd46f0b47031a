"""Names of columns and fields: headers that are none of the documents, and names in other spellings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.text import FieldNames, count_documents, open_corpus, open_queries

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "header",
    [
        "document_id\tbody",
        "docno\ttext",
        "ID\tText",
        "Doc-ID\tPassage Text",
        "doc_id\tutterance",
        "id \t text",
        "Id\tx",
    ],
)
def test_a_header_is_no_document(write: Write, header: str) -> None:
    assert list(open_corpus(write("c.tsv", header, "1\tfirst text"))) == [Document("1", "first text")]


@pytest.mark.parametrize("header", ["query_id\tquery_text", "QID\tQuery", "qid\tutterance", "qid\tq"])
def test_a_header_is_no_query(write: Write, header: str) -> None:
    assert list(open_queries(write("q.tsv", header, "1\twhy so"))) == [Query("1", "why so")]


def test_a_header_without_a_text_says_what_there_is(write: Write) -> None:
    with pytest.raises(InputError, match=r"c\.tsv:2: field 'text': missing .* are 'doc_id', 'lang', 'utterance'"):
        list(open_corpus(write("c.tsv", "doc_id\tlang\tutterance", "1\ten\tfirst text")))
    with pytest.raises(InputError, match=r"c\.tsv:2: field '_id': missing .* are 'query_id', 'query_text'"):
        list(open_corpus(write("c.tsv", "query_id\tquery_text", "1\twhy so")))


@pytest.mark.parametrize("line", ["1\ttext", "pid\ta number of a process", "a\tid", "text\tid of it", "query\tfind"])
def test_a_first_line_that_only_looks_like_one_is_a_document(write: Write, line: str) -> None:
    id, text = line.split("\t")
    assert next(open_corpus(write("c.tsv", line, "2\tmore"))) == Document(id, text)


def test_names_in_other_spellings(write: Write) -> None:
    expected = [Document("7", "x", "T", {"Year": "1999"})]
    assert list(open_corpus(write("c.csv", "ID,Title,Text,Year", "7,T,x,1999"))) == expected
    record = {"Doc-Id": "7", "TITLE": "T", "Contents": "x", "Year": "1999"}
    assert list(open_corpus(write("c.jsonl", json.dumps(record)))) == expected
    assert list(open_queries(write("q.csv", "Query ID,Query", "7,why"))) == [Query("7", "why")]


def test_a_name_as_it_is_written_goes_before_one_in_another_spelling(write: Write) -> None:
    record = {"ID": "other", "Text": "no", "docid": "7", "text": "x"}
    assert list(open_corpus(write("c.jsonl", json.dumps(record)))) == [
        Document("7", "x", "", {"ID": "other", "Text": "no"})
    ]


def test_names_that_are_given_are_taken_to_the_letter(write: Write) -> None:
    with pytest.raises(InputError, match="field 'Key': missing"):
        list(open_corpus(write("c.csv", "key,text", "7,x"), fields=FieldNames(id="Key")))


@pytest.mark.parametrize(
    "table",
    [
        ["Milk\t1.20", "Bread\t2.40"],
        ["Monday\tran five miles", "Monday\tslept for long"],
        ["name\tprice\tcount\tshop\tnote", "Milk\t1.20\t3\tcorner\t-"],
        ["just a line", "and\tone of two columns"],
        ["Ada Lovelace\twas a mathematician", "Alan Turing\twas one too"],
    ],
)
def test_a_table_among_notes_is_one_document(write: Write, tmp_path: Path, table: list[str]) -> None:
    write("notes/a.txt", "a note")
    write("notes/table.tsv", *table)
    first, second = open_corpus(tmp_path / "notes", on_error="skip-files")
    assert (first.id, second.id, second.title) == ("a.txt", "table.tsv", "table")
    assert second.text == "\n".join(table)
    assert count_documents(tmp_path / "notes") == 2


@pytest.mark.parametrize("lines", [["0\tThe presence of it", "1\tmore of it"], ["pid\tpassage", "0\tone"]])
def test_a_shard_among_notes_is_its_documents(write: Write, tmp_path: Path, lines: list[str]) -> None:
    write("notes/shard.tsv", *lines)
    assert next(open_corpus(tmp_path / "notes")).id == "0"
    assert count_documents(tmp_path / "notes") == 2  # lines
