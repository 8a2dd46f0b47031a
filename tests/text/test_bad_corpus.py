"""Bad input: each message names file, line and field, and skipping counts what it left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.core.errors import InputError
from lsr.text import FieldNames, SkipReport, open_corpus, open_queries

Write = Callable[..., Path]

GOOD = '{"_id": "good", "text": "fine"}'


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        ('{"_id": "1", "text": "x"', None, "malformed JSON: Expecting ',' delimiter at column 25"),
        ("{", None, "each line must be one whole object"),
        ("[", None, "jq -c '.[]'"),
        ('"text"', None, "expected a JSON object, found a string"),
        ("[{}]", None, "expected a JSON object, found an array"),
        ("[" * 200_000, None, "malformed JSON"),
        ('{"_id": "1", "text": "x", "score": NaN}', None, "NaN is not a JSON number"),
        ('{"_id": "1", "text": "x", "n": ' + "9" * 5000 + "}", None, "malformed JSON: "),
        ('{"_id": "1", "text": "\\ud83d"}', None, "half of a surrogate pair, \\ud83d"),
        (
            '{"text": "x"}',
            "_id",
            "missing (nor any of id, docid, doc_id, pid, docno, document_id, passage_id, corpus_id); the fields here "
            "are 'text'",
        ),
        ('{"_id": "1"}', "text", "missing (nor any of contents"),
        ('{"_id": null, "text": "x"}', "_id", "must be a string or an integer, not null"),
        ('{"id": true, "text": "x"}', "id", "must be a string or an integer, not a boolean"),
        ('{"id": 1.0, "text": "x"}', "id", "must be a string or an integer, not a number"),
        ('{"id": "", "text": "x"}', "id", "is empty"),
        ('{"id": 1, "text": null}', "text", "must be a string, not null"),
        ('{"id": 1, "contents": ["x"]}', "contents", "must be a string, not an array"),
        ('{"id": 1, "text": "x", "title": 1984}', "title", "must be a string, not a number"),
        ('{"id": "good", "text": "x"}', "id", "duplicate id 'good'"),
    ],
)
def test_bad_json_line(write: Write, line: str, field: str | None, message: str) -> None:
    path = write("c.jsonl", GOOD, line)
    with pytest.raises(InputError) as caught:
        list(open_corpus(path))
    error = caught.value
    assert (error.source, error.line, error.field) == (str(path), 2, field)
    assert message in str(error)
    assert str(error).startswith(f"{path}:2: ")

    report = SkipReport()
    assert [document.id for document in open_corpus(path, on_error="skip", skipped=report)] == ["good"]
    assert (report.count, report.messages) == (1, [str(error)])


def test_an_emoji_written_as_a_surrogate_pair_is_fine(write: Write) -> None:
    assert next(open_corpus(write("c.jsonl", '{"id": 1, "text": "\\ud83d\\ude00"}'))).text == "\U0001f600"


def test_not_utf8_names_line_and_offset(write: Write) -> None:
    path = write("c.jsonl", b"\xef\xbb\xbf", GOOD, b'{"id": 2, "text": "caf\xe9"}\n')
    offset = path.read_bytes().index(b"\xe9")
    with pytest.raises(InputError, match=rf"c\.jsonl:2: not UTF-8: byte 0xe9 at offset {offset}; .*iconv"):
        list(open_corpus(path))


def test_explicit_field_that_is_not_there(write: Write) -> None:
    with pytest.raises(InputError, match="field 'body': missing; the fields here are '_id', 'text'"):
        list(open_corpus(write("c.jsonl", GOOD), fields=FieldNames(text="body")))


def test_bad_query(write: Write) -> None:
    path = write("q.jsonl", '{"_id": "1", "text": "x"}', '{"_id": "1", "text": "y"}', '{"_id": "2"}')
    with pytest.raises(InputError, match=r"q\.jsonl:2: field '_id': duplicate id '1'"):
        list(open_queries(path))
    report = SkipReport()
    assert len(list(open_queries(path, on_error="skip", skipped=report))) == 1
    assert "field 'text': missing (nor any of query" in report.messages[1]


def test_tsv_with_too_few_or_too_many_columns(write: Write) -> None:
    path = write("c.tsv", "1\tx", "no tab", "2\ta\tb", "3\tz")
    with pytest.raises(InputError, match=r"c\.tsv:2: expected 2 columns \(id, text\) separated by tabs, found 1"):
        list(open_corpus(path))
    report = SkipReport()
    assert [document.id for document in open_corpus(path, on_error="skip", skipped=report)] == ["1", "3"]
    assert report.count == 2
    with pytest.raises(InputError, match=r"b\.tsv:1: expected 2 to 4 columns"):
        list(open_corpus(write("b.tsv", "only")))


def test_tsv_with_an_empty_id(write: Write) -> None:
    with pytest.raises(InputError, match=r"c\.tsv:1: field 'id': is empty"):
        list(open_corpus(write("c.tsv", "\tx")))


@pytest.mark.parametrize("name", ["c.jsonl.gz", "c.jsonl.zst"])
@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_cut_short(write: Write, name: str, on_error: str) -> None:
    path = write(name, *(f'{{"id": {number}, "text": "some text"}}' for number in range(1000)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot be read: .*damaged or truncated"):
        list(open_corpus(path, on_error=on_error))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["c.jsonl.gz", "c.jsonl.zst"])
def test_compressed_in_name_only(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    with pytest.raises(InputError, match="cannot be read"):
        list(open_corpus(tmp_path / name))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["c.jsonl", "c.tsv", "c.jsonl.gz"])
def test_empty(write: Write, name: str, data: bytes) -> None:
    path = write(name, data)
    with pytest.raises(InputError, match="no documents in it"):
        list(open_corpus(path))
    with pytest.raises(InputError, match="no queries in it"):
        list(open_queries(path))


def test_nothing_left_after_skipping(write: Write) -> None:
    with pytest.raises(
        InputError, match=r"no documents in it; 2 lines or files were skipped, the first: .*c\.jsonl:1: malformed"
    ):
        list(open_corpus(write("c.jsonl", "a", "b"), on_error="skip"))


def test_the_report_keeps_twenty_messages(write: Write) -> None:
    report = SkipReport()
    list(open_corpus(write("c.jsonl", GOOD, *["broken"] * 50), on_error="skip", skipped=report))
    assert (report.count, len(report.messages)) == (50, 20)


def test_missing_path_and_unknown_format(write: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"beir/scifact: no such file or folder; .* is named irds:beir/scifact"):
        open_corpus("beir/scifact")
    with pytest.raises(InputError, match="there is no format 'xml'; choose one of beir, jsonl"):
        open_corpus(tmp_path, format="xml")
    with pytest.raises(InputError, match=r"c\.xml: cannot tell the format from the name"):
        open_corpus(write("c.xml", "<x/>"))
    with pytest.raises(InputError, match="this is a folder, which format 'jsonl' does not read"):
        open_corpus(tmp_path, format="jsonl")
    with pytest.raises(InputError, match="this is a file, which format 'beir' does not read"):
        open_corpus(write("c.jsonl", GOOD), format="beir")
    with pytest.raises(InputError, match="cannot be read from stdin"):
        open_corpus("-", format="parquet")
    with pytest.raises(InputError, match="on_error must be"):
        open_corpus(write("c.jsonl", GOOD), on_error="ignore")  # type: ignore[arg-type]


def test_beir_folder_without_its_files(write: Write, tmp_path: Path) -> None:
    write("half/queries.jsonl", GOOD)
    with pytest.raises(InputError, match=r"half: a BEIR folder needs corpus\.jsonl"):
        open_corpus(tmp_path / "half")
    write("other/corpus.jsonl", GOOD)
    with pytest.raises(InputError, match=r"other: a BEIR folder needs queries\.jsonl"):
        open_queries(tmp_path / "other")


def test_bad_parquet(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    path.write_bytes(b"PAR1 this is not")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        list(open_corpus(path))
    pq.write_table(pa.table({"id": ["1", "2", "1"], "text": ["x", None, "z"]}), path)
    with pytest.raises(InputError, match=r"c\.parquet:2: field 'text': must be a string, not null"):
        list(open_corpus(path))
    report = SkipReport()
    assert len(list(open_corpus(path, on_error="skip", skipped=report))) == 1
    assert "c.parquet:3: field 'id': duplicate id '1'" in report.messages[1]
    pq.write_table(pa.table({"key": ["1"], "text": ["x"]}), path)
    with pytest.raises(InputError, match=r"field '_id': missing .* 'key', 'text'"):
        list(open_corpus(path))


@pytest.mark.parametrize(
    ("manifest", "begins", "what"),
    [
        ("manifest.json", '{\n "format": "lsr-index",', "an index, not a corpus"),
        ("shards.json", '{"format": "lsr-shards",', "an index in shards"),
        ("manifest.json", '{\n  "format": "lsr training set",', "a training set"),
    ],
)
def test_what_lsr_made_is_no_corpus(tmp_path: Path, manifest: str, begins: str, what: str) -> None:
    """Its tables look like JSON lines, and its lists of words like texts."""
    (tmp_path / manifest).write_text(f'{begins} "rest": 1}}')
    (tmp_path / "vocabulary.jsonl").write_text(GOOD)
    for opened in (open_corpus, open_queries):
        with pytest.raises(InputError, match=f"this is {what}.*name what it was made of"):
            list(opened(tmp_path))
    (tmp_path / manifest).write_text('{"format": "another", "text": "a page"}')
    assert list(open_corpus(tmp_path))
