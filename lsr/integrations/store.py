"""What all stores do: documents in a folder, or at a server, for a tool that has ideas of its own of both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

from lsr.core.documents import Document
from lsr.core.errors import InputError, NotFoundError
from lsr.index.filters.tree import Filter
from lsr.integrations.conditions import fitted
from lsr.search.response import Hit, SearchResponse

if TYPE_CHECKING:
    from lsr.client import RemoteCollection
    from lsr.collection.collection import Collection
    from lsr.index import Index

    Place: TypeAlias = str | Path | Collection | RemoteCollection

# Documents that are read together, here and of a server, which may not give more at once.
_PAGE, _REMOTE_PAGE = 10_000, 100


def is_url(place: object) -> bool:
    """Whether it is the address of a server."""
    return isinstance(place, str) and place.startswith(("http://", "https://"))


class Store:
    """A collection, in a folder or at a server, as integrations use it. A context manager, which closes it.

    Attributes:
        place: the folder or address that it was opened by; None for a collection that was given.
        collection: `lsr.Collection` or `lsr.client.RemoteCollection`.
    """

    def __init__(self, place: Place, *, key: str | None = None, read_only: bool = False, **settings: Any) -> None:
        """Open a collection, which is made if there is none, unless it is only read.

        Args:
            place: a folder; the address of a server's collection, `http://localhost:8080/birds`, without a name the
                only one; or an open collection, which `close` leaves open.
            key: for a server that asks for one; from LSR_KEY, if it is not given.
            read_only: follow a folder that others may write to, in place of being the one that does.
            settings: for a collection that is made: see `lsr.Collection.create`, such as `model="bm25"`.
        """
        self.place: str | None = str(place) if isinstance(place, str | Path) else None
        self._closes: list[Any] = []
        self.collection: Any = place
        if is_url(place):
            self.collection = self._asked(str(place), key, read_only, settings)
        elif self.place is not None:
            self.collection = Followed(self.place) if read_only else self._opened(Path(self.place), settings)

    def _asked(self, url: str, key: str | None, read_only: bool, settings: dict[str, Any]) -> RemoteCollection:
        from lsr.client import Client

        parts = urlsplit(url)
        above, _, name = parts.path.rstrip("/").rpartition("/")
        client = Client(urlunsplit((parts.scheme, parts.netloc, above, "", "")), key)
        self._closes.append(client)
        collection = client.collection(unquote(name) or None)
        if name:
            try:
                collection.describe()
            except NotFoundError:
                if read_only:
                    raise
                client.create(unquote(name), **settings)
        return collection

    def _opened(self, path: Path, settings: dict[str, Any]) -> Collection:
        from lsr.collection.collection import Collection

        there = path.is_dir() and any(path.iterdir())
        collection = Collection.open(path) if there else Collection.create(path, **settings)
        self._closes.append(collection)
        return collection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close what was opened here."""
        while self._closes:
            self._closes.pop().close()

    @property
    def _remote(self) -> bool:
        return hasattr(self.collection, "describe")

    def types(self) -> dict[str, str]:
        """The fields that documents can be filtered by at this moment, and their types."""
        if self._remote:
            return dict(self.collection.describe().fields)
        return {name: str(kind) for name, kind in self.collection.snapshot.documents.fields.schema.fields.items()}

    def fields(self) -> set[str]:
        """The fields that documents can be filtered by at this moment."""
        return set(self.types())

    def add(self, documents: Iterable[Document]) -> int:
        """Add or replace documents; how many. InputError tells which were refused, and why; the others are in."""
        done = self.collection.add(documents)
        if done.refused:
            told = "; ".join(f"{each.id!r}: {each.reason}" for each in done.refused[:3])
            more = "; …" if len(done.refused) > 3 else ""
            raise InputError(f"{len(done.refused):,} of the documents were refused: {told}{more}", field="documents")
        return int(done.created + done.replaced)

    def get(self, ids: Iterable[str]) -> list[Document]:
        """The documents of these ids, in their order; ids that there are not are left out."""
        found = (self.collection.get(id) for id in ids)
        return [document for document in found if document is not None]

    def delete(self, ids: Iterable[str]) -> int:
        """Delete documents by id, as far as they are there; how many."""
        return int(self.collection.delete(list(ids)).deleted)

    def delete_where(self, filter: Any) -> int:
        """Delete the documents whose metadata fulfil a filter, an empty one being fulfilled by all; how many."""
        where = fitted(filter, self.fields())
        if isinstance(where, Filter):
            return int(self.collection.delete(filter=where).deleted)
        return self.delete([document.id for document in self.matching(None)]) if where else 0

    def count(self, filter: Any = None) -> int:
        """How many documents there are whose metadata fulfil a filter."""
        where = fitted(filter, self.fields())
        return int(self.collection.count(filter=where)) if isinstance(where, Filter) else len(self.collection) * where

    def search(self, text: str | None, k: int, filter: Any = None, **how: Any) -> list[Hit]:
        """The `k` best documents for a text whose metadata fulfil a filter: none that has nothing to do with it."""
        where = True if filter is None else fitted(filter, self.fields())
        if where is False or k < 1:
            return []
        given = {"filter": where} if isinstance(where, Filter) else {}
        hits: list[Hit] = self.collection.search(text, k, **given, **how).hits
        return hits

    def nearest(self, text: str, k: int, filter: Any = None, **how: Any) -> list[tuple[Document, float]]:
        """As `search`, with scores, filled up to `k` by documents of score 0, in the order of their ids."""
        hits = self.search(text, k, filter, **how)
        found = [(hit.document, float(hit.score)) for hit in hits]
        there = {hit.id for hit in hits}
        for document in self.matching(filter) if len(found) < k else ():
            if len(found) == k:
                break
            if document.id not in there:
                found.append((document, 0.0))
        return found

    def matching(self, filter: Any = None) -> Iterator[Document]:
        """All documents whose metadata fulfil a filter, in the order of their ids."""
        where = True if filter is None else fitted(filter, self.fields())
        if where is False:
            return
        given = {"filter": where} if isinstance(where, Filter) else {}
        after, page = None, _REMOTE_PAGE if self._remote else _PAGE
        while True:
            further: dict[str, Any] = {} if after is None else {"search_after": after}
            hits = self.collection.search(None, page, sort="_id", **given, **further).hits
            for hit in hits:
                # Of a document in windows, a hit has the text of one.
                document = hit.document if hit.window is None else self.collection.get(hit.id)
                if document is not None:
                    yield document
            if len(hits) < page:
                return
            after = hits[-1].sort


class Followed:
    """A folder's collection for those that only read it, as it is now, whoever writes to it."""

    def __init__(self, path: str | Path) -> None:
        from lsr.search.live import LiveRetriever

        self._live = LiveRetriever.follow(path)

    def __len__(self) -> int:
        return len(self.snapshot.documents)

    @property
    def snapshot(self) -> Index:
        """It as it is now."""
        return self._live.now.index

    def search(self, text: Any = None, k: int = 10, **given: Any) -> SearchResponse:
        """See `lsr.Collection.search`."""
        found: SearchResponse = self._live.search(text, k, **given)
        return found

    def get(self, id: str) -> Document | None:
        """The document of this id; None if there is none."""
        try:
            return self.snapshot.documents.get(id)
        except NotFoundError:
            return None

    def count(self, *, filter: Any) -> int:
        """How many documents fulfil a filter."""
        total = self.search(None, 1, filter=filter, count=True).total
        return 0 if total is None else total.value
