from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from lsr.core.errors import InputError
from lsr.text.qrels import read_qrels

EXPECTED = {"q1": {"d1": 2, "d 2": 0}, "q2": {"d1": -1}}
BEIR = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td 2\t0\nq2\td1\t-1\n"


@pytest.mark.parametrize(
    "text",
    [
        BEIR,
        BEIR.partition("\n")[2],
        "q1\t0\td1\t2\nq1\t0\td 2\t0\n\nq2\t0\td1\t-1\n",
        "\ufeff" + BEIR.replace("\n", "\r\n"),
        "# a comment\n" + BEIR,
    ],
    ids=["header", "no header", "trec with tabs", "byte order mark and CRLF", "comment"],
)
def test_forms(tmp_path: Path, text: str) -> None:
    path = tmp_path / "test.tsv"
    path.write_bytes(text.encode())
    assert read_qrels(path) == EXPECTED


def test_trec_with_blanks_and_gzip(tmp_path: Path) -> None:
    path = tmp_path / "qrels.txt.gz"
    path.write_bytes(gzip.compress(b"301 0 CR93E-10279 0\n301 0 CR93E-1282  1\n"))
    assert read_qrels(path) == {"301": {"CR93E-10279": 0, "CR93E-1282": 1}}


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("q1\td1\t1\nq1\td2\n", 2, None, "2 fields where 3 are expected"),
        ("q1\td1\t1\nq1\t0\td2\t1\n", 2, None, "4 fields where 3 are expected"),
        ("q1\td1\n", 1, None, r"2 fields where 3 \(BEIR\) or 4 \(TREC\)"),
        ("q1\td1\thigh\n", 1, "score", "whole number, not 'high'"),
        ("q1\td1\t1\nq1\td2\t0.5\n", 2, "score", "whole number, not '0.5'"),
        ("q1\td1\t1\n\nq1\t\t1\n", 3, "corpus-id", "is empty"),
        ("q1\td1\t1\nq1\td1\t2\n", 2, "score", "judged twice, 1 and 2"),
        ("query-id\tcorpus-id\tscore\n", None, None, "no judgements"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, line: int | None, field: str | None, message: str) -> None:
    path = tmp_path / "test.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_qrels(path)
    assert (caught.value.source, caught.value.line, caught.value.field) == (str(path), line, field)


def test_repeated_judgement_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_text("q1\td1\t1\nq1\td1\t1\n")
    assert read_qrels(path) == {"q1": {"d1": 1}}


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_bytes(b"q1\td1\t1\nq1\t\xff\t1\n")
    with pytest.raises(InputError) as caught:
        read_qrels(path)
    assert caught.value.line == 2
