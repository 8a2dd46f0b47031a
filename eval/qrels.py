"""Relevance judgements: which document answers which query, and how well."""

from __future__ import annotations

from pathlib import Path

from lsr.errors import InputError
from lsr.eval.lines import data_lines

Qrels = dict[str, dict[str, int]]
"""Query id → document id → grade. Grades above zero are relevant, and are the gain in nDCG."""

_HEADER_NAMES = {"score", "relevance", "rel", "grade", "label"}


def read_qrels(path: str | Path) -> Qrels:
    """Read judgements in BEIR's form (query, document, grade; with or without a header) or TREC's (query, 0, document,
    grade).

    The columns are separated by tabs or, where a line has none, by white space; the file may be compressed (.gz, .zst).
    A pair that stands twice with one grade counts once. Raises InputError naming file, line and field.
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
        raise InputError("holds no judgements", source=str(path))
    return qrels


def _grade(text: str, path: Path, line: int) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"a grade must be a whole number, not {text!r}"
        raise InputError(message, source=str(path), line=line, field="score") from None
