"""Runs: what a system retrieved for each query, and TREC run files."""

from __future__ import annotations

import gzip
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.files import atomic_file, check_file
from lsr.text import irds
from lsr.text.lines import data_lines

TieRule = Literal["rank", "trec_eval"]

# White space, what would be read as an encoded character, and what a line cannot begin with: a comment's "# ", and a
# byte order mark, which readers drop.
_ENCODED = re.compile(r"\s|%(?=[0-9A-Fa-f]{2})|\A(?:#\Z|\ufeff)")


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The documents retrieved for one query, best first.

    Attributes:
        ids: document ids, all different.
        scores: float32 or float64 [len(ids)], never ascending. If scores tie, the order of `ids` decides.
    """

    ids: list[str]
    scores: npt.NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.ids)

    def top(self, k: int) -> Ranking:
        """The first `k` documents."""
        return self if len(self) <= k else Ranking(self.ids[:k], self.scores[:k])

    def without(self, id: str) -> Ranking:
        """The ranking without one document."""
        if id not in self.ids:
            return self
        at = self.ids.index(id)
        return Ranking(self.ids[:at] + self.ids[at + 1 :], np.delete(self.scores, at))


Run = dict[str, Ranking]
"""Query id → ranking. A query that retrieved nothing may have an empty ranking or none."""


def write_run(path: str | Path, run: Run, *, tag: str | None = None, force: bool = False) -> int:
    """Write a TREC run file, `query Q0 document rank score tag`, gzipped if `path` ends in .gz.

    `tag`: the system's name, which programs that merge runs tell them apart by; the file's without its endings if none.
    Scores have every digit of their float type, so that `read_run` returns the same ranking. The format cannot hold
    white space: in ids and in the tag it is written as `run_word` does, which `with_ids` undoes. The file is written
    completely or not at all.

    Returns the number of ids that were changed so. Raises OutputExistsError, and InputError for a score that is not a
    finite number or an id that is empty.
    """
    words: dict[str, str] = {}

    def word(id: str) -> str:
        if id not in words:
            words[id] = run_word(id)
        return words[id]

    tag = run_word(Path(path).name.partition(".")[0] if tag is None else tag)
    with atomic_file(check_file(path, force=force), force=force) as temporary, temporary.open("wb") as file:
        # mtime=0, and no file name in the header: the same run gives the same bytes.
        packed = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if Path(path).suffix == ".gz" else None
        with io.TextIOWrapper(packed or file, encoding="utf-8", newline="\n") as text:
            for query, ranking in run.items():
                if not np.isfinite(ranking.scores).all():
                    raise InputError(f"query {query!r} has a score that is not a finite number", source=str(path))
                name, digits = word(query), ".9g" if ranking.scores.dtype == np.float32 else ".17g"
                for rank, (id, score) in enumerate(zip(ranking.ids, ranking.scores.tolist(), strict=True), start=1):
                    text.write(f"{name} Q0 {word(id)} {rank} {score:{digits}} {tag}\n")
    return sum(id != written for id, written in words.items())


def run_word(id: str) -> str:
    """The id as a run file holds it: one word, with white space percent-encoded as in URLs ("my notes" is my%20notes).

    So is a % that two hexadecimal digits follow ("my%20notes" is my%2520notes), so that no two ids become the same
    word, and what a line cannot begin with: a byte order mark, and "#" alone. Any other id is as it is. InputError for
    an empty one.
    """
    if not id:
        raise InputError("a TREC run cannot hold an empty id")
    return _ENCODED.sub(lambda found: quote(found[0]), id)


def with_ids(run: Run, queries: Iterable[str], documents: Iterable[str]) -> Run:
    """The run with these ids wherever it has them as `run_word` writes them; others stay as they are.

    So does an id with a % in a run that another program, or an older lsr, wrote as it is.
    """
    query_ids, document_ids = _written(queries), _written(documents)
    if not query_ids and not document_ids:
        return run
    return {
        query_ids.get(query, query): Ranking([document_ids.get(id, id) for id in ranking.ids], ranking.scores)
        for query, ranking in run.items()
    }


def _written(ids: Iterable[str]) -> dict[str, str]:
    """By what `run_word` makes of them, the ids that it changes."""
    return {run_word(id): id for id in ids if _ENCODED.search(id)}


def read_run(path: str | Path, *, ties: TieRule = "rank") -> Run:
    """Read a TREC run file, plain, .gz or .zst, or the scored documents of "irds:NAME".

    The lines may be in any order; the scores decide.

    If scores tie, `ties="rank"` follows the file's rank column, and `ties="trec_eval"` does what trec_eval does, which
    ignores that column: scores are compared as float32, and among equals the document id that sorts last comes first.
    As in trec_eval, what follows the tag is ignored.

    Raises InputError naming file, line and field: fewer than six fields, a rank that is not an integer, a score that is
    not a finite number, a document retrieved twice for one query.
    """
    if str(path).startswith(irds.PREFIX):
        return _scored(str(path), ties)
    path = Path(path)
    found: dict[str, tuple[dict[str, None], list[int], list[float]]] = {}
    for number, line in data_lines(path):
        fields = line.split(maxsplit=5)
        if len(fields) < 6:
            message = f"{len(fields)} fields where 6 are expected: query Q0 document rank score tag"
            raise InputError(message, source=str(path), line=number)
        query, _, id, rank, score, _ = fields
        ids, ranks, scores = found.setdefault(query, ({}, [], []))
        if id in ids:
            message = f"document {id!r} is retrieved twice for query {query!r}"
            raise InputError(message, source=str(path), line=number, field="document")
        ids[id] = None
        ranks.append(_rank(rank, path, number))
        scores.append(_score(score, path, number))
    return {
        query: order_ranking(list(ids), np.array(scores), np.array(ranks), ties=ties)
        for query, (ids, ranks, scores) in found.items()
    }


def _scored(source: str, ties: TieRule) -> Run:
    """The scored documents of a data set of ir_datasets; those of equal scores in the order in which they come."""
    dataset = irds.load(source)
    if not dataset.has_scoreddocs():
        raise InputError("this dataset has no scored documents", source=source)
    scored: dict[str, dict[str, float]] = {}
    for each in irds.iterate(dataset.scoreddocs_iter, source):
        scored.setdefault(each.query_id, {})[each.doc_id] = float(each.score)
    return {
        query: order_ranking(list(found), np.array(list(found.values())), np.arange(len(found)), ties=ties)
        for query, found in scored.items()
    }


def order_ranking(
    ids: list[str], scores: npt.NDArray[np.floating], ranks: npt.NDArray[np.integer], *, ties: TieRule = "rank"
) -> Ranking:
    """Make a Ranking from documents in any order, with ties broken as in `read_run`."""
    if ties == "rank":
        order = np.lexsort((ranks, -scores))
    else:
        last_id_first = np.array(sorted(range(len(ids)), key=ids.__getitem__, reverse=True), dtype=np.int64)
        order = last_id_first[np.argsort(-scores[last_id_first].astype(np.float32), kind="stable")]
    return Ranking([ids[i] for i in order.tolist()], scores[order])


def _rank(text: str, path: Path, line: int) -> int:
    try:
        return int(text)
    except ValueError:
        message = f"a rank must be a whole number, not {text!r}"
        raise InputError(message, source=str(path), line=line, field="rank") from None


def _score(text: str, path: Path, line: int) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise InputError(f"a score must be a finite number, not {text!r}", source=str(path), line=line, field="score")
    return score
