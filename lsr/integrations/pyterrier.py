"""PyTerrier: transformers that retrieve from a collection, and that encode. Nothing here needs Java."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.integrations.names import fields_of
from lsr.integrations.store import Store

with needed("pyterrier", "pyterrier", "pyterrier"):
    import pandas as pd
    import pyterrier as pt

if TYPE_CHECKING:
    from lsr.integrations.store import Place

_FOUND = ["docno", "score", "rank"]


class LsrRetriever(pt.Transformer):
    """Retrieves from a collection: queries (`qid`, and `query` or `query_toks`) to rankings (`docno`, `score`, `rank`).

    `query_toks`, weights by term such as `LsrQueryEncoder` or another encoder of the same vocabulary makes, is searched
    with where it is given; else the text of `query`.
    """

    def __init__(
        self, place: Place, *, k: int = 1000, text: bool = False, filter: Any = None, key: str | None = None, **how: Any
    ) -> None:
        """A retriever of a place.

        Args:
            place: a folder, which `lsr index` or a collection made; a server's address; or an open collection.
            k: how many documents for a query, at most.
            text: whether the documents' texts come too, as `text`, for re-rankers.
            filter: what documents have to be, as in any search.
            key: for a server that asks for one.
            how: keywords of a search, such as `mode="hybrid"`.
        """
        self.store = Store(place, key=key, read_only=True)
        self.k, self.text, self.filter, self.how = k, text, filter, how

    def transform(self, queries: pd.DataFrame) -> pd.DataFrame:
        """The rankings of all queries."""
        columns = [column for column in queries.columns if column not in (*_FOUND, "text")]
        by_vector = "query_toks" in columns
        if not by_vector:
            pt.validate.query_frame(queries, ["query"])
        added = [*_FOUND, *(["text"] if self.text else [])]
        rows: list[list[Any]] = []
        for query in queries[columns].drop_duplicates("qid").to_dict("records"):
            for number, hit in enumerate(self._hits(query, by_vector)):
                text = [hit.document.text] if self.text else []
                rows.append([*query.values(), hit.id, float(hit.score), number, *text])
        return pd.DataFrame(rows, columns=[*columns, *added])

    def _hits(self, query: Mapping[str, Any], by_vector: bool) -> list[Any]:
        if by_vector:
            weights = {str(term): float(weight) for term, weight in query["query_toks"].items() if weight > 0}
            return self.store.search(None, self.k, self.filter, vector=weights, **self.how) if weights else []
        return self.store.search(str(query["query"]), self.k, self.filter, **self.how)


class LsrIndexer(pt.Indexer):
    """Adds documents (`docno`, `text`; `title` and other columns are metadata) to a collection.

    `index` returns the retriever of it.
    """

    def __init__(self, place: str | Path, *, key: str | None = None, **settings: Any) -> None:
        """`place`: a folder or a server's address; the collection is made with `settings`, if there is none."""
        self.place, self.key, self.settings = place, key, settings

    def index(self, documents: Iterable[Mapping[str, Any]]) -> LsrRetriever:
        """Add documents; those whose `docno` is there are replaced."""
        with Store(self.place, key=self.key, **self.settings) as store:
            store.add(map(_document, documents))
        return LsrRetriever(self.place, key=self.key)


class LsrQueryEncoder(pt.Transformer):
    """Encodes `query` as `query_toks`: weights by term."""

    def __init__(self, model: str = DEFAULT_MODEL, *, device: str | None = None) -> None:
        """`model`: a name from `lsr models`, a folder or a hub name."""
        self._encoder = _loaded(model, device)

    def transform(self, queries: pd.DataFrame) -> pd.DataFrame:
        """The queries, with their vectors."""
        pt.validate.query_frame(queries, ["query"])
        encoder = self._encoder
        return queries.assign(query_toks=_by_term(encoder, encoder.encode_queries([*map(str, queries["query"])])))


class LsrDocumentEncoder(pt.Transformer):
    """Encodes `text` as `toks`: weights by term."""

    def __init__(self, model: str = DEFAULT_MODEL, *, device: str | None = None) -> None:
        """`model`: a name from `lsr models`, a folder or a hub name."""
        self._encoder = _loaded(model, device)

    def transform(self, documents: pd.DataFrame) -> pd.DataFrame:
        """The documents, with their vectors."""
        pt.validate.columns(documents, includes=["text"])
        encoder = self._encoder
        return documents.assign(toks=_by_term(encoder, encoder.encode_documents([*map(str, documents["text"])])))


def _loaded(model: str, device: str | None) -> Any:
    from lsr.encoding.sparse.encoder import SparseEncoder

    return SparseEncoder.load(model, device=device)


def _by_term(encoder: Any, vectors: Any) -> list[dict[str, float]]:
    return [dict(pairs) for pairs in encoder.decode(vectors)]


def _document(row: Mapping[str, Any]) -> Document:
    for name in ("docno", "text"):
        if name not in row:
            raise InputError("is missing in a document", field=name)
    rest = {name: value for name, value in row.items() if name not in ("docno", "text", "title")}
    return Document(str(row["docno"]), str(row["text"]), str(row.get("title") or ""), fields_of(rest))
