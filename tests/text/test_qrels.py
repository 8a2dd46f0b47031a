from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lsr.core.errors import InputError
from lsr.text.qrels import qrels_file, read_qrels

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


JUDGED = {"q1": {"d1": 1, "d2": 0}, "q2": {"d1": 2}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "q1\td1\t1.0\nq1\td2\t0.0\nq2\td1\t2\n"),
        ("a.tsv", "query_id\tdoc_id\trelevance\nq1\td1\t1\nq1\td2\t0\nq2\td1\t2\n"),
        ("a.tsv", "qid\titer\tdocno\trel\nq1\t0\td1\t1\nq1\t0\td2\t0\nq2\t0\td1\t2\n"),
        ("a.tsv", "Score\tCorpus-ID\tQuery-ID\n1\td1\tq1\n0\td2\tq1\n2\td1\tq2\n"),
        ("a.csv", "query-id,corpus-id,score\nq1,d1,1\nq1,d2,0\nq2,d1,2\n"),
        (
            "a.jsonl",
            '{"query-id": "q1", "corpus-id": "d1", "score": 1.0}\n{"query-id": "q1", "corpus-id": "d2", "score": 0}\n'
            '{"query-id": "q2", "corpus-id": "d1", "score": 2}\n',
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_forms_of_others(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert read_qrels(tmp_path / name) == JUDGED
    for pack, suffix in ((gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")):
        (tmp_path / (name + suffix)).write_bytes(pack(text.encode(encoding)))
        assert read_qrels(tmp_path / (name + suffix)) == JUDGED


def test_parquet_as_mteb_has_it(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    path = tmp_path / "qrels" / "test-00000-of-00001.parquet"
    table = {"query-id": ["q1", "q1", "q2"], "corpus-id": ["d1", "d2", "d1"], "score": [1.0, 0.0, 2.0]}
    pq.write_table(pa.table(table), path)
    assert qrels_file(tmp_path, "test") == path
    assert read_qrels(path) == JUDGED
    pq.write_table(pa.table({**table, "score": [1.0, 0.5, float("inf")]}), path)
    with pytest.raises(InputError, match=r"parquet:2: field 'score': a grade must be a whole number, not 0\.5"):
        read_qrels(path)
    pq.write_table(pa.table({"query-id": [1], "score": [1]}), path)
    with pytest.raises(InputError, match=r"parquet:1: field 'corpus-id': missing \(nor any of corpus_id"):
        read_qrels(path)


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
