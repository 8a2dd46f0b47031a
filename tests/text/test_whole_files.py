"""Files of records in a folder: with `on_error="skip-files"`, taken whole or left out whole."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.core.errors import InputError
from lsr.text import SkipReport, count_documents, open_corpus

Write = Callable[..., Path]

LINES = [f'{{"_id": "{number}", "text": "text {number}"}}' for number in range(1, 5)]


def read(folder: Path, on_error: str) -> tuple[list[str], SkipReport]:
    report = SkipReport()
    found = list(open_corpus(folder, on_error=on_error, skipped=report))  # type: ignore[arg-type]
    return [document.id for document in found], report


@pytest.mark.parametrize(
    ("name", "lines", "line", "good", "bad"),
    [
        ("b.jsonl", [LINES[0], "broken", *LINES[2:]], 2, 3, 1),
        ("b.jsonl.gz", [LINES[0], "broken", *LINES[2:]], 2, 3, 1),
        ("b.jsonl", ["broken", *LINES[1:]], 1, 3, 1),
        ("b.jsonl", [LINES[0], '{"_id": "2"}', LINES[2], "{"], 2, 2, 2),
        ("b.jsonl", [LINES[0], LINES[1], LINES[0]], 3, 2, 1),
        ("b.jsonl", [*LINES, '{"_id": "5", "text": "x", "n": 1e999}'], 5, 4, 1),
        ("b.jsonl", [LINES[0], b'{"_id": "2", "text": "\xff"}\n', LINES[2]], 2, 2, 1),
        ("b.json", [*LINES[:2], "broken"], 3, 2, 1),
        ("b.json", [f"[{LINES[0]}, 7, {LINES[2]}]"], 2, 2, 1),
        ("b.tsv", ["id\ttext", "1\tone text", "no tab", "3\tthree texts"], 3, 2, 1),
        ("b.csv", ["id,text", "1,one text", "2,a,b", "3,three texts"], 3, 2, 1),
        ("b.csv", ["id,text", "1,one text", '2,"open'], 3, 1, 1),
    ],
)
def test_one_bad_record_and_none_of_the_file_comes(
    write: Write, tmp_path: Path, name: str, lines: list[str | bytes], line: int, good: int, bad: int
) -> None:
    write("notes/a.txt", "a note")
    path = write(f"notes/{name}", *lines)
    write("notes/c.txt", "another")
    ids, report = read(tmp_path / "notes", "skip-files")
    assert ids == ["a.txt", "c.txt"] and report.count == 1
    [message] = report.messages
    assert message.startswith(f"{path}:{line}: ")
    assert f"all of the file is left out: {good} good documents, {bad} bad" in message
    with pytest.raises(InputError):
        read(tmp_path / "notes", "stop")


def test_bad_lines_are_skipped_singly_on_request(write: Write, tmp_path: Path) -> None:
    write("notes/b.jsonl", LINES[0], "broken", *LINES[2:])
    ids, report = read(tmp_path / "notes", "skip")
    assert ids == ["1", "3", "4"] and report.count == 1


def test_a_bad_row_of_parquet(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    pq.write_table(pa.table({"id": ["1", "2", "3"], "text": ["x", None, "z"]}), tmp_path / "notes" / "b.parquet")
    (tmp_path / "notes" / "c.txt").write_text("a note")
    ids, report = read(tmp_path / "notes", "skip-files")
    assert ids == ["c.txt"] and "2 good documents, 1 bad" in report.messages[0]


def test_a_file_that_is_cut_short_is_left_out_whole(write: Write, tmp_path: Path) -> None:
    write("notes/c.txt", "another")
    whole = gzip.compress("\n".join(LINES).encode())
    (tmp_path / "notes" / "b.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    ids, report = read(tmp_path / "notes", "skip-files")
    assert ids == ["c.txt"]
    assert "damaged or truncated" in report.messages[0] and "cannot be read on" in report.messages[0]


def test_of_a_file_that_cannot_be_read_on_what_came_before_is_counted(write: Write, tmp_path: Path) -> None:
    write("notes/b.csv", "id,text", "1,one text", "2,two texts", '3,"open')
    ids, report = read(tmp_path / "notes", "skip")
    assert ids == ["1", "2"]
    assert report.messages[0].endswith("; 2 records before that are kept, what follows is left out")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "notes", "stop")
    assert "are kept" not in str(caught.value)


def test_an_id_of_an_earlier_file_stops(write: Write, tmp_path: Path) -> None:
    write("notes/a.jsonl", LINES[0])
    write("notes/b.jsonl", LINES[0])
    with pytest.raises(InputError, match=r"b\.jsonl:1: field '_id': duplicate id '1'"):
        read(tmp_path / "notes", "skip-files")


def test_a_folder_with_rubbish_that_is_called_parquet(tmp_path: Path) -> None:
    """Counting comes first, and must not stop what reading goes on with."""
    (tmp_path / "a.md").write_text("Terns fly.")
    (tmp_path / "b.parquet").write_bytes(b"PAR1" + bytes(range(99)))
    assert count_documents(tmp_path) == 1
    for on_error in ("skip", "skip-files"):
        found, report = read(tmp_path, on_error)
        assert found == ["a.md"] and report.count == 1
        assert "b.parquet" in report.messages[0] and "not a readable Parquet file" in report.messages[0]
    with pytest.raises(InputError, match=r"b\.parquet"):
        read(tmp_path, "stop")
