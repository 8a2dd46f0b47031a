"""Relevance judgements: which document answers which query, and how well."""

from __future__ import annotations

from pathlib import Path

from lsr.core.errors import InputError
from lsr.text import irds
from lsr.text.compression import COMPRESSIONS
from lsr.text.lines import data_lines

Qrels = dict[str, dict[str, int]]
"""Query id → document id → grade. Grades above zero mean relevant, and are the gain in nDCG."""

_HEADER_NAMES = {"score", "relevance", "rel", "grade", "label"}
_SUFFIXES = (".tsv", ".txt", ".qrels", ".trec")


def read_qrels(path: str | Path) -> Qrels:
    """Read relevance judgements in the format of BEIR or TREC.

    BEIR's columns are query, document, grade, with or without a header; TREC's are query, 0, document, grade. They are
    separated by tabs or, in a line without tabs, by white space; the file may be compressed (.gz, .zst). A pair that is
    judged twice with the same grade counts once. Raises InputError naming file, line and field.
    """
    path = Path(path)
    qrels: Qrels = {}
    width = 0
    for number, line in data_lines(path):
        fields = line.split("\t") if "\t" in line else line.split()
        if not width:
            width = len(fields)
            if width == 3 and fields[2].strip().lower() in _HEADER_NAMES:
                continue
        if len(fields) not in (3, 4) or len(fields) != width:
            raise InputError(
                f"{len(fields)} fields where {'3 (BEIR) or 4 (TREC)' if width not in (3, 4) else width} are expected: "
                "query id, document id, grade; or query id, 0, document id, grade",
                source=str(path),
                line=number,
            )
        query, document, grade = (field.strip() for field in (fields[0], fields[-2], fields[-1]))
        for name, value in (("query-id", query), ("corpus-id", document)):
            if not value:
                raise InputError("is empty", source=str(path), line=number, field=name)
        judged = qrels.setdefault(query, {})
        if judged.setdefault(document, _grade(grade, path, number)) != int(grade):
            raise InputError(
                f"query {query!r} and document {document!r} are judged twice, {judged[document]} and {grade}",
                source=str(path),
                line=number,
                field="score",
            )
    if not qrels:
        raise InputError("contains no judgements", source=str(path))
    return qrels


def read_irds_qrels(source: str) -> Qrels:
    """The judgements of "irds:NAME". InputError if it has none."""
    dataset = irds.load(source)
    if not dataset.has_qrels():
        raise InputError("this dataset has no judgements; name a part of it that does", source=source)
    judged: Qrels = {}
    for row in irds.iterate(dataset.qrels_iter, source):
        judged.setdefault(row.query_id, {})[row.doc_id] = int(row.relevance)
    return judged


def qrels_file(folder: Path, split: str) -> Path:
    """The path of a split, `qrels/SPLIT.tsv`, of a BEIR folder. InputError lists the splits if it is not there."""
    if not folder.exists():
        raise InputError("no such file or folder", source=str(folder))
    splits = {_split(path): path for path in sorted((folder / "qrels").glob("*")) if _split(path)}
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
    return stem if dot + suffix in _SUFFIXES else ""


def _grade(text: str, path: Path, line: int) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"a grade must be a whole number, not {text!r}"
        raise InputError(message, source=str(path), line=line, field="score") from None
