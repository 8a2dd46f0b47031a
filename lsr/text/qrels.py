"""Relevance judgements: which document answers which query, and how well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.text import irds
from lsr.text.compression import COMPRESSIONS
from lsr.text.csv_table import read_csv
from lsr.text.lines import OnBad, content_suffix, data_lines, stop
from lsr.text.parquet import read_parquet
from lsr.text.readers import read_jsonl
from lsr.text.records import FieldNames, Record, parse_id

Qrels = dict[str, dict[str, int]]
"""Query id → document id → grade. Grades above zero mean relevant, and are the gain in nDCG."""

# What BEIR, MTEB, TREC and others call the three columns.
_QUERY_NAMES = ("query-id", "query_id", "queryid", "qid", "query", "topic", "topic_id")
_DOCUMENT_NAMES = (
    "corpus-id", "corpus_id", "doc-id", "doc_id", "docid", "document-id", "document_id", "docno", "document", "pid",
    "passage_id",
)  # fmt: skip
_GRADE_NAMES = ("score", "relevance", "rel", "grade", "label", "judgment", "judgement")
_NAMES = (_QUERY_NAMES, _DOCUMENT_NAMES, _GRADE_NAMES)
_RECORDS = {".jsonl": read_jsonl, ".ndjson": read_jsonl, ".parquet": read_parquet, ".csv": read_csv}
_SUFFIXES = (".tsv", ".txt", ".qrels", ".trec", *_RECORDS)
# As Hugging Face names the only shard of a split.
_ONE_SHARD = "-00000-of-00001"

Row = tuple[int, Any, Any, Any]
"""The line, or row, and what stands there for the query, the document and the grade."""


@as_annotated
def read_qrels(path: str | Path) -> Qrels:
    """Read relevance judgements in the format of BEIR, MTEB or TREC.

    BEIR's columns are query, document, grade, with or without a header; TREC's are query, 0, document, grade. They are
    separated by tabs or, in a line without tabs, by white space. JSON lines (.jsonl), Parquet and CSV have them by
    name. The file may be compressed. A pair that is judged twice with the same grade counts once, and a grade may be
    written as 1.0. Raises InputError naming file, line and field.
    """
    path = Path(path)
    qrels: Qrels = {}
    reader = _RECORDS.get(content_suffix(path))
    for line, query_value, document_value, grade_value in _lines(path) if reader is None else _named(path, reader):
        query = _id(query_value, path, line, "query-id")
        document = _id(document_value, path, line, "corpus-id")
        grade = _grade(grade_value, path, line)
        judged = qrels.setdefault(query, {})
        if judged.setdefault(document, grade) != grade:
            raise InputError(
                f"query {query!r} and document {document!r} are judged twice, {judged[document]} and {grade}",
                source=str(path),
                line=line,
                field="score",
            )
    if not qrels:
        raise InputError("contains no judgements", source=str(path))
    return qrels


def _lines(path: Path) -> Iterator[Row]:
    """Rows of columns, by the names of a header or else by their places."""
    width = 0
    places: list[int] | None = None
    for number, line in data_lines(path):
        fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
        if not width:
            width = len(fields)
            places = _header(fields)
            if places is not None:
                continue
        if len(fields) != width or (places is None and width not in (3, 4)):
            expected = "3 (BEIR) or 4 (TREC)" if places is None and width not in (3, 4) else width
            raise InputError(
                f"{len(fields)} fields where {expected} are expected: query id, document id, grade; or query id, 0, "
                "document id, grade",
                source=str(path),
                line=number,
            )
        query, document, grade = (fields[place] for place in places or (0, -2, -1))
        yield number, query, document, grade


def _header(fields: list[str]) -> list[int] | None:
    """The places of query, document and grade that a header names; None if the first line is none."""
    names = [field.lower() for field in fields]
    places = [next((place for place, name in enumerate(names) if name in known), None) for known in _NAMES]
    if None not in places:
        return [place for place in places if place is not None]
    # Some name of a grade in its place is enough; the others then stand in theirs.
    return [0, len(names) - 2, len(names) - 1] if len(names) in (3, 4) and names[-1] in _GRADE_NAMES else None


def _named(path: Path, reader: Callable[[str | Path, FieldNames, OnBad], Iterator[Record]]) -> Iterator[Row]:
    """Rows of records that name the three."""
    for record in reader(path, FieldNames(), stop):
        found = []
        for known in _NAMES:
            name = next((name for name in record.values if name.lower() in known), None)
            if name is None:
                there = ", ".join(map(repr, record.values)) or "none"
                message = f"missing (nor any of {', '.join(known[1:])}); the fields here are {there}"
                raise InputError(message, source=str(path), line=record.line, field=known[0])
            found.append(record.values[name])
        yield record.line or 0, found[0], found[1], found[2]


@as_annotated
def read_irds_qrels(source: str) -> Qrels:
    """The judgements of "irds:NAME". InputError if it has none."""
    dataset = irds.load(source)
    if not dataset.has_qrels():
        raise InputError("this dataset has no judgements; name a part of it that does", source=source)
    judged: Qrels = {}
    for row in irds.iterate(dataset.qrels_iter, source):
        judged.setdefault(row.query_id, {})[row.doc_id] = int(row.relevance)
    return judged


def qrels_files(folder: Path) -> dict[str, Path]:
    """The files of judgements of a BEIR folder, by split; none, if it has none."""
    return {_split(path): path for path in sorted((folder / "qrels").glob("*")) if _split(path)}


@as_annotated
def qrels_file(folder: Path, split: str) -> Path:
    """The path of a split, `qrels/SPLIT.tsv`, of a BEIR folder. InputError lists the splits if it is not there."""
    if not folder.exists():
        raise InputError("no such file or folder", source=str(folder))
    splits = qrels_files(folder)
    if split in splits:
        return splits[split]
    if not splits:
        raise InputError(
            "no judgements: a BEIR folder has them in qrels/test.tsv; for a bare corpus, name the files of queries "
            "and qrels",
            source=str(folder),
        )
    raise InputError(f"no split {split!r}: there are {', '.join(sorted(splits))}", source=str(folder / "qrels"))


def _split(path: Path) -> str:
    """The split that a qrels file is for, by its name; "" for other files."""
    name = path.with_suffix("").name if path.suffix in COMPRESSIONS else path.name
    stem, dot, suffix = name.rpartition(".")
    return stem.removesuffix(_ONE_SHARD) if dot + suffix in _SUFFIXES else ""


def _id(value: Any, path: Path, line: int, field: str) -> str:
    try:
        return parse_id(value)
    except ValueError as error:
        raise InputError(str(error), source=str(path), line=line, field=field) from None


def _grade(value: Any, path: Path, line: int) -> int:
    try:
        if isinstance(value, str):
            return int(value) if value.lstrip("+-").isdecimal() else _whole(float(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _whole(value)
    except (ValueError, OverflowError):
        pass
    message = f"a grade must be a whole number, not {value!r}"
    raise InputError(message, source=str(path), line=line, field="score")


def _whole(value: float) -> int:
    """A number without a fraction, such as 1.0. ValueError for another, OverflowError for infinity."""
    if value != int(value):
        raise ValueError
    return int(value)
