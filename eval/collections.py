"""Test collections: documents, the queries that are judged, and the judgements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError, MissingInputError
from lsr.text import irds, open_corpus, open_queries
from lsr.text.qrels import Qrels, qrels_file, read_irds_qrels, read_qrels
from lsr.vectors.files import holds_vectors, iter_vectors


@dataclass(frozen=True)
class TestCollection:
    """Documents, the queries that are judged, and the judgements.

    Attributes:
        name: a short name for tables.
        source: where the documents are read from, as `open_corpus` takes it.
        split: the split that is judged, such as "test".
        queries: the judged queries, in the order of their file.
        qrels: query id → document id → grade, for exactly these queries.
        left_out: ids that are judged and not among the queries.
    """

    name: str
    source: str
    split: str | None
    queries: list[Query]
    qrels: Qrels
    left_out: tuple[str, ...] = ()

    # pytest would otherwise take a class called Test… for a class of tests.
    __test__ = False

    def documents(self) -> Iterator[Document]:
        """Read the corpus from its beginning."""
        return open_corpus(self.source)

    def asked(self) -> list[Query]:
        """The judged queries that have a text; InputError if none has."""
        asked = [query for query in self.queries if query.text.strip()]
        if not asked:
            raise InputError("none of the judged queries has a text", source=self.source)
        return asked

    @property
    def has_texts(self) -> bool:
        """Whether any judged query has a text; not where the queries came as vectors alone."""
        return any(query.text.strip() for query in self.queries)

    @property
    def judgements(self) -> int:
        """Number of judged pairs; a grade below zero says, as in trec_eval, that a document was not judged."""
        return sum(grade >= 0 for judged in self.qrels.values() for grade in judged.values())


def load_collection(
    source: str | Path,
    split: str | None = None,
    *,
    queries: str | Path | None = None,
    qrels: str | Path | None = None,
) -> TestCollection:
    """Load a collection; the corpus itself is only read by `TestCollection.documents`.

    `source` is a BEIR folder (`corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`; `split` defaults to "test"), or
    `irds:NAME`, whose name includes the split. `queries` and `qrels` name files that replace the collection's own; both
    are needed if `source` is only a corpus, such as MS MARCO's `collection.tsv`. `queries` may be a file of vectors:
    its queries have the texts that the collection has under their ids, or none. Queries without judgements are left
    out, and so are judgements of queries that are not there: `TestCollection.left_out` lists these.

    Raises InputError for an unknown split (listing the known ones), malformed lines, and judgements of which none is
    for any of the queries; MissingDependencyError for `irds:` without ir_datasets.
    """
    source = str(source)
    if split is not None and qrels is not None:
        raise InputError("give a split or a qrels file, not both: the file says which queries are judged")
    if qrels is not None:
        judged, judged_in = read_qrels(qrels), str(qrels)
    elif source.startswith(irds.PREFIX):
        if split is not None:
            raise InputError(f"the name includes the split: give irds:NAME/{split} instead of {source} and a split")
        judged, judged_in = read_irds_qrels(source), source
    else:
        split = split or "test"
        path = qrels_file(Path(source), split)
        judged, judged_in = read_qrels(path), str(path)
    asked = source if queries is None else str(queries)
    found = _judged_queries(
        asked, _of_vectors(asked, source) if holds_vectors(asked) else open_queries(asked), judged, judged_in
    )
    qrels_found = {query.id: judged[query.id] for query in found}
    left_out = tuple(id for id in judged if id not in qrels_found)
    return TestCollection(_name(source), source, split, found, qrels_found, left_out)


def _name(source: str) -> str:
    if source.startswith(irds.PREFIX):
        return source.removeprefix(irds.PREFIX)
    path = Path(source).resolve()
    return path.name if path.is_dir() else path.name.split(".")[0]


def _of_vectors(path: str, source: str) -> Iterator[Query]:
    """The queries of a file of vectors, with the texts of the collection, if that has any."""
    texts = {}
    if source.startswith(irds.PREFIX) or Path(source).is_dir():
        with suppress(MissingInputError):
            texts = {query.id: query.text for query in open_queries(source)}
    for vectors in iter_vectors(path):
        yield from (Query(id, texts.get(id, "")) for id in vectors.ids)


def _judged_queries(source: str, queries: Iterable[Query], judged: Qrels, judged_in: str) -> list[Query]:
    found, other = [], None
    for query in queries:
        if query.id in judged:
            found.append(query)
        else:
            other = other or query.id
    if not found:
        raise InputError(
            f"none of the {len(judged):,} queries judged in {judged_in} is among the queries: judged is "
            f"{next(iter(judged))!r}" + (f", there is {other!r}" if other else ", and there are none"),
            source=source,
        )
    return found
