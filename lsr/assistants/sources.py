"""What assistants search: a collection on this machine, or one of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lsr.core.documents import Document
from lsr.core.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from lsr.client import RemoteCollection
    from lsr.search.response import SearchResponse


@dataclass(frozen=True, slots=True)
class About:
    """What there is to be searched.

    Attributes:
        name: of the collection.
        fields: those that documents can be filtered by, and their types.
        dense: whether there are dense vectors, too.
    """

    name: str
    documents: int
    fields: dict[str, str] = field(default_factory=dict)
    dense: bool = False


class Source(Protocol):
    """A collection that is only read. Threads may share it; what it raises are the library's errors."""

    def about(self) -> About:
        """What there is now."""
        ...

    def search(self, text: str | None, k: int, **given: Any) -> SearchResponse:
        """As `Retriever.search`."""
        ...

    def get(self, id: str) -> Document | None:
        """The whole document; None if there is none."""
        ...


class LocalSource:
    """A collection in a folder, as it is now, whoever writes to it."""

    def __init__(self, path: Path, *, model: str | None = None, device: str | None = None) -> None:
        """Open it and load what searches need; `model` and `device` as for `Retriever.open`."""
        from lsr.search.live import LiveRetriever

        self._name = path.resolve().name
        self._live = LiveRetriever.follow(path, model=model, device=device, light=True)
        self._live.now.warm_up()

    def about(self) -> About:
        """See `Source`."""
        index = self._live.now.index
        try:
            fields = {name: str(kind) for name, kind in index.documents.fields.schema.fields.items()}
        except InputError:  # a large index that was built before there were columns of them
            fields = {}
        return About(self._name, len(index.documents), fields, "dense" in index.parts)

    def search(self, text: str | None, k: int, **given: Any) -> SearchResponse:
        """See `Source`."""
        answer: SearchResponse = self._live.search(text, k, **given)
        return answer

    def get(self, id: str) -> Document | None:
        """See `Source`."""
        try:
            return self._live.now.index.documents.get(id)
        except NotFoundError:
            return None


class RemoteSource:
    """A collection of a server."""

    def __init__(self, collection: RemoteCollection) -> None:
        self._collection = collection

    def about(self) -> About:
        """See `Source`."""
        said = self._collection.describe()
        return About(said.name, said.documents or 0, said.fields, said.dense is not None)

    def search(self, text: str | None, k: int, **given: Any) -> SearchResponse:
        """See `Source`."""
        return self._collection.search(text, k, **given)

    def get(self, id: str) -> Document | None:
        """See `Source`."""
        return self._collection.get(id)
