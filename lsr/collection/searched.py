"""What can be asked of a collection, whether or not it is written to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lsr.core.annotated import methods_as_annotated
from lsr.core.arguments import text_of
from lsr.core.counted import counted
from lsr.core.documents import Document
from lsr.core.errors import NotFoundError

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.index.fusion.facets import Facet
    from lsr.search.live import LiveRetriever
    from lsr.search.retriever import Retriever


@methods_as_annotated("facets")
class SearchedCollection(ABC):
    """A collection, as those see it who search it. A context manager, which closes it.

    Attributes:
        path: the folder; live: searches it as it is now.
    """

    path: Path
    live: LiveRetriever

    @property
    @abstractmethod
    def snapshot(self) -> Index:
        """The collection as it is now; it never changes."""

    @abstractmethod
    def close(self) -> None:
        """Let others write."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, {counted(len(self), 'documents')})"

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.snapshot.documents)

    @property
    def retriever(self) -> Retriever:
        """Searches the collection as it is now."""
        return self.live.now

    def search(self, text: Any = None, k: int = 10, plan: Any = None, **given: Any) -> Any:
        """The `k` best documents for a text: see `lsr.search.retriever.Retriever.search`."""
        return self.retriever.search(text, k, plan, **given)

    def get(self, id: str) -> Document | None:
        """The document of this id; None if there is none."""
        try:
            return self.snapshot.documents.get(id)
        except NotFoundError:
            return None

    def scan(self) -> Iterator[Document]:
        """All documents, as they were when this was called."""
        return self.snapshot.documents.scan()

    def count(self, text: str | None = None, *, filter: Any = None, min_score: float | None = None) -> int:
        """How many documents there are, or how many match a text, a filter, and score at least so much: exactly."""
        if text is None and filter is None:
            return len(self)
        text = text if text is None else text_of(text, "the text to count by")
        return int(self.search(text, 1, filter=filter, min_score=min_score, count=True).total.value)

    def facets(self, fields: Any, text: str | None = None, *, filter: Any = None) -> dict[str, Facet]:
        """How many of the documents that match have each value of these `fields`, as of a search, or InputError."""
        found: dict[str, Facet] = self.search(text, 1, filter=filter, facets=fields).facets
        return found
