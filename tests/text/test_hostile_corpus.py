"""Files that were made to fill the memory, to recurse or to be stored and never read again: each is refused by name."""

from __future__ import annotations

import bz2
import datetime
import io
import json
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.limits import DEEPEST
from lsr.text import SkipReport, csv_table, json_file, lines, open_corpus, open_queries, parquet, records

Write = Callable[..., Path]
GOOD = '{"_id": "good", "text": "fine"}'
AFTER = '{"_id": "after", "text": "fine"}'


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can reach."""
    for module in (lines, csv_table, json_file, parquet):
        monkeypatch.setattr(module, "LONGEST_RECORD", 1 << 20)
    monkeypatch.setattr(records, "_MOST_VALUES", 1 << 16)


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz", "c.jsonl.zst", "c.jsonl.bz2", "c.jsonl.xz"])
def test_a_line_longer_than_a_document(small: None, tmp_path: Path, write: Write, name: str) -> None:
    text = f'{GOOD}\n{{"_id": "bomb", "text": "{"x" * (3 << 20)}"}}\n{AFTER}\n'.encode()
    path = write(name, {".bz2": bz2.compress, ".xz": lzma.compress}.get(Path(name).suffix, bytes)(text))
    with pytest.raises(InputError, match=r"c\.jsonl.*:2: longer than 1 MiB, which no document may be"):
        list(open_corpus(path))
    report = SkipReport()
    assert [document.id for document in open_corpus(path, on_error="skip", skipped=report)] == ["good", "after"]
    assert report.count == 1


@pytest.mark.parametrize("name", ["c.jsonl.bz2", "c.jsonl.xz"])
def test_bzip2_and_xz(write: Write, name: str) -> None:
    pack: Callable[[bytes], bytes] = bz2.compress if name.endswith("bz2") else lzma.compress
    joined = pack(GOOD.encode() + b"\n") + pack(AFTER.encode())
    assert [document.id for document in open_corpus(write(name, joined))] == ["good", "after"]
    for on_error in ("stop", "skip"):
        with pytest.raises(InputError, match=r"cannot be read: .*damaged or truncated"):
            list(open_corpus(write(name, joined[:-5]), on_error=on_error))  # type: ignore[arg-type]
        with pytest.raises(InputError, match="cannot be read"):
            list(open_corpus(write(name, b"no such thing"), on_error=on_error))  # type: ignore[arg-type]


def test_an_xz_header_that_asks_for_memory(write: Write) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 29}]
    path = write("c.jsonl.xz", lzma.compress(GOOD.encode(), filters=filters))
    with pytest.raises(InputError, match=r"cannot be read: Memory usage limit"):
        list(open_corpus(path))


@pytest.mark.parametrize("levels", [DEEPEST + 1, 20_000])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")])
def test_values_nested_too_deeply(write: Write, levels: int, start: str, end: str) -> None:
    deep = f'{{"_id": "deep", "text": "x", "f": {start * levels}{"1" if start != "[" else ""}{end * levels}}}'
    report = SkipReport()
    found = list(open_corpus(write("c.jsonl", GOOD, deep, AFTER), on_error="skip", skipped=report))
    assert [document.id for document in found] == ["good", "after"]
    assert "c.jsonl:2: " in report.messages[0] and "nested too deeply" in report.messages[0]
    with pytest.raises(InputError, match=r"c\.json:1: .*nested too deeply"):
        list(open_corpus(write("c.json", f"[{deep}]".encode())))


def test_many_small_values(small: None, write: Write) -> None:
    line = f'{{"_id": "1", "text": "x", "f": [{"{}," * 70_000}{{}}]}}'
    with pytest.raises(InputError, match=r"c\.jsonl:1: holds more than 65,536 values"):
        list(open_corpus(write("c.jsonl", line)))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1e400", "a number must be finite, and inf"),
        ('[{"a": -1e999}]', "a number must be finite, and -inf"),
    ],
)
def test_numbers_that_cannot_be_stored(write: Write, value: str, message: str) -> None:
    path = write("c.jsonl", GOOD, f'{{"_id": "bad", "text": "x", "price": {value}}}', AFTER)
    with pytest.raises(InputError) as caught:
        list(open_corpus(path))
    assert (caught.value.source, caught.value.line, caught.value.field) == (str(path), 2, "price")
    assert message in str(caught.value)
    assert [document.id for document in open_corpus(path, on_error="skip")] == ["good", "after"]


def test_the_largest_numbers_are_kept(write: Write) -> None:
    path = write("c.jsonl", f'{{"_id": "1", "text": "x", "most": {2**70}, "least": {-(2**70)}, "real": 1e308}}')
    assert next(open_corpus(path)).fields == {"most": 2**70, "least": -(2**70), "real": 1e308}


def test_a_name_that_appears_twice(write: Write) -> None:
    with pytest.raises(InputError, match=r"c\.jsonl:1: malformed JSON: '_id' appears twice"):
        list(open_corpus(write("c.jsonl", '{"_id": "1", "text": "x", "_id": "2"}')))
    for name, separator in (("c.tsv", "\t"), ("c.csv", ",")):
        with pytest.raises(InputError, match=rf"{name}:1: field 'text': two columns have this name"):
            list(open_corpus(write(name, separator.join(["id", "text", "text"]), separator.join("1ab"))))


def write_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_parquet_with_two_columns_of_one_name(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["a"]), pa.array(["b"])], ["id", "text", "text"])
    pq.write_table(table, tmp_path / "c.parquet")
    with pytest.raises(InputError, match="field 'text': two columns have this name"):
        list(open_corpus(tmp_path / "c.parquet"))


def test_binary_text_in_parquet_is_text(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    columns = {"id": [b"1", b"2"], "text": ["café".encode(), b"\xff"], "picture": [b"\x89PNG", b"\xff\xd8"]}
    write_parquet(path, columns)
    report = SkipReport()
    assert list(open_corpus(path, on_error="skip", skipped=report)) == [Document("1", "café")]
    assert report.messages == [f"{path}:2: field 'text': is not UTF-8: bytes, not text"]
    assert report.fields == {"picture": 1}
    assert "left out the field 'picture' of 1 document:" in report.lines()[-1]


def test_values_of_parquet_that_python_cannot_tell(tmp_path: Path) -> None:
    far = pa.array([0, 10**7], pa.int32()).cast(pa.date32())
    path = write_parquet(tmp_path / "c.parquet", {"id": ["1", "2"], "text": ["x", "y"], "day": far})
    with pytest.raises(InputError, match=r"c\.parquet:2: field 'day': cannot be read"):
        list(open_corpus(path))
    assert [document.fields for document in open_corpus(path, on_error="skip")] == [{"day": "1970-01-01"}]
    invalid = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"x\xff")]
    )
    path = write_parquet(
        tmp_path / "d.parquet", {"id": ["1", "2"], "text": invalid, "n": [datetime.date(2024, 1, 1)] * 2}
    )
    with pytest.raises(InputError, match=r"d\.parquet:2: field 'text': is not UTF-8"):
        list(open_corpus(path))


def test_parquet_that_unpacks_to_too_much(small: None, tmp_path: Path) -> None:
    long = "".join(map(str, range(1 << 20)))
    path = write_parquet(tmp_path / "a.parquet", {"id": ["1"], "text": [long]}, compression="zstd")
    with pytest.raises(InputError, match=r"a\.parquet:1: rows of more than 1 MiB"):
        list(open_corpus(path))
    names = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), pa.array(["x" * (8 << 20)]))
    path = write_parquet(tmp_path / "b.parquet", {"id": list(map(str, range(100))), "text": names}, compression="zstd")
    with pytest.raises(InputError, match=r"b\.parquet:1: column text unpacks to .* times its size"):
        list(open_corpus(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_encodings_that_a_mark_or_zeros_tell(write: Write, encoding: str) -> None:
    text = '{"_id": "1", "text": "café"}\r\n{"_id": "2", "text": "鳥"}\r\n'
    assert list(open_corpus(write("c.jsonl", text.encode(encoding)))) == [Document("1", "café"), Document("2", "鳥")]
    rows = "1\tcafé\r\n2\t鳥"
    assert [query.text for query in open_queries(write("q.tsv", rows.encode(encoding)))] == ["café", "鳥"]


def test_damaged_utf16_stops(write: Write) -> None:
    with pytest.raises(InputError, match=r"c\.jsonl: is not valid UTF-16-LE"):
        list(open_corpus(write("c.jsonl", GOOD.encode("utf-16") + b"\x00\xd8\x00"), on_error="skip"))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x1f\x8b\x08", "compressed with gzip: name the file .gz"),
        (b"PAR1\xff", "a Parquet file"),
        (b"PK\x03\x04\xff", "a ZIP archive"),
        (b"caf\xe9", "iconv -f ENCODING"),
    ],
)
def test_advice_on_bytes_that_are_not_text(write: Write, data: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        list(open_corpus(write("c.jsonl", data)))


def test_csv(write: Write) -> None:
    path = write("c.csv", "id;title;text;price", '1;"One; two";"a\nb ""quoted""";5', "2;;plain;6")
    assert list(open_corpus(path)) == [
        Document("1", 'a\nb "quoted"', "One; two", {"price": "5"}),
        Document("2", "plain", "", {"price": "6"}),
    ]
    with pytest.raises(InputError, match=r"c\.csv:2: expected 2 columns \(id, text\), found 3"):
        list(open_corpus(write("c.csv", "id,text", "1,a,b")))


def test_a_quote_that_is_not_closed(small: None, write: Write) -> None:
    with pytest.raises(InputError, match=r"c\.csv:.*: "):
        list(open_corpus(write("c.csv", "id,text", '1,"a', *["x" * 1000] * 2000)))


@pytest.mark.parametrize(
    "text", [f"[{GOOD},\n {AFTER}]", f"{GOOD}\n{AFTER}", json.dumps([json.loads(GOOD), json.loads(AFTER)], indent=2)]
)
def test_json(write: Write, text: str) -> None:
    assert [document.id for document in open_corpus(write("c.json", text))] == ["good", "after"]


def test_json_that_is_not_of_objects(write: Write) -> None:
    report = SkipReport()
    path = write("c.json", f"[{GOOD}, 7]")
    assert [document.id for document in open_corpus(path, on_error="skip", skipped=report)] == ["good"]
    assert report.messages == [f"{path}:2: item 2 of the array is not an object"]
    with pytest.raises(InputError, match=r"c\.json:2: is not JSON: Expecting"):
        list(open_corpus(write("c.json", "[{}", "{}]")))


@pytest.mark.parametrize(
    ("data", "expected"),
    [("q1\twhy", "why"), ('{"_id": "q1", "text": "why"}', "why"), ("why is the sky blue", "why is the sky blue")],
)
def test_queries_on_stdin_by_their_look(monkeypatch: pytest.MonkeyPatch, data: str, expected: str) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data.encode("utf-16"))))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [query.text for query in open_queries("-")] == [expected]


def test_a_folder_of_shards(write: Write, tmp_path: Path) -> None:
    write("shards/a.jsonl", GOOD)
    write("shards/b.jsonl.gz", AFTER)
    write("shards/c.tsv", "third\ttext of it")
    write_parquet(tmp_path / "shards" / "d.parquet", {"id": ["4"], "text": ["x"]})
    write("shards/_SUCCESS")
    report = SkipReport()
    found = list(open_corpus(tmp_path / "shards", skipped=report))
    assert [document.id for document in found] == ["good", "after", "third", "4"]
    assert report.lines() == ["left out 1 of 5 files, of kinds that are not read: 1 without an ending"]
    write("shards/e.jsonl", AFTER)
    with pytest.raises(InputError, match=r"e\.jsonl:1: field '_id': duplicate id 'after'"):
        list(open_corpus(tmp_path / "shards"))


def test_tables_among_notes_are_documents(write: Write, tmp_path: Path) -> None:
    write("notes/a.md", "---", "title: Tern", "date: 2024-01-02", "tags: [a, b]", "---", "They fly.")
    write("notes/costs.csv", "day,amount", "Monday,5", "Friday,7")
    write("notes/settings.json", b'{"name": {"first": "Ada"}, "tags": ["x", "y"]}')
    write("notes/latin.txt", "Les élèves étudient à l'école, où le garçon mange.".encode("cp1252"))
    report = SkipReport()
    found = {document.id: document for document in open_corpus(tmp_path / "notes", skipped=report)}
    assert found["a.md"].title == "Tern"
    assert found["a.md"].fields.items() >= {"path": "a.md", "date": "2024-01-02", "tags": ["a", "b"]}.items()
    assert found["costs.csv"].text == "day: Monday, amount: 5\nday: Friday, amount: 7"
    assert found["settings.json"].text == "first: Ada, tags: x, tags: y"
    assert found["latin.txt"].text.startswith("Les élèves étudient")
    assert report.lines() == ["files that are not UTF-8 were read by a guess: 1 as cp1252"]


@pytest.mark.parametrize(
    ("front", "message"),
    [
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)),
            r"a\.md:\d+: is not YAML that can be read: more than 100,000 values",
        ),
        ("a: " + "[" * 20_000, r"a\.md:2: is not YAML that can be read: nested too deeply"),
        ("a: &a [*a]", r"a\.md:2: is not YAML that can be read: \*a stands within"),
    ],
)
def test_front_matter_that_no_person_writes(write: Write, front: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(open_corpus(write("a.md", f"---\n{front}\n---\nbody")))


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: Notes: a start\nbad: [", "Notes: a start"),
        ("title: 'Notes'\nbad: [", "Notes"),
        ('title: "unclosed\ntags: [a', "a"),
        ("title: [bad", "a"),
        ("title: |\n  more\nbad: [", "a"),
        ("title: {{ page }}: x", "a"),
        ("tags: [a, b", "a"),
    ],
)
def test_front_matter_that_is_not_yaml(write: Write, front: str, title: str) -> None:
    report = SkipReport()
    [document] = open_corpus(write("a.md", f"---\n{front}\n---\nbody"), skipped=report)
    assert (document.title, document.text) == (title, "body")
    assert report.lines() == ["left out of 1 file: front matter that is not YAML"]


@pytest.mark.parametrize("title", ["[x, y]", "{x: y}", "~", ""])
def test_a_title_that_is_no_text(write: Write, title: str) -> None:
    [document] = open_corpus(write("a.md", f"---\ntitle: {title}\n---\n# Real\nbody"))
    assert (document.title, document.text) == ("Real", "body")


@pytest.mark.parametrize("between", ["\nA paragraph.\n", "- one\n- two", "a: [paragraph", "*a* [b"])
def test_what_stands_between_two_lines_is_text(write: Write, between: str) -> None:
    [document] = open_corpus(write("a.md", f"---\n{between}\n---\nmore"))
    kept = not between.startswith("a:")
    assert document.text == (f"---\n{between}\n---\nmore" if kept else "more") and document.title == "a"


@pytest.mark.parametrize("name", ["a.txt", "a.rst", "a.md"])
def test_front_matter_is_no_title(write: Write, name: str) -> None:
    [document] = open_corpus(write(name, "---\ntags: [a, b\n---\nbody"))
    assert document.title == "a"


def test_a_folder_where_a_pipe_stands(write: Write, tmp_path: Path) -> None:
    import os

    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    write("notes/a.txt", "a")
    os.mkfifo(tmp_path / "notes" / "pipe.txt")
    report = SkipReport()
    assert [document.id for document in open_corpus(tmp_path / "notes", skipped=report)] == ["a.txt"]
    assert report.files_unread == {"neither a file nor a folder": 1}
