"""DSPy: a retriever of a collection, as a module of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lsr.core.extras import needed
from lsr.integrations.store import Store

with needed("dspy", "dspy", "dspy"):
    import dspy

if TYPE_CHECKING:
    from lsr.integrations.store import Place


class LsrRetriever(dspy.Retrieve):
    """Retrieves passages for a query: `retriever("birds of the night").passages`, and their `ids` and `scores`."""

    def __init__(
        self, place: Place, *, k: int = 3, filter: Any = None, key: str | None = None, how: dict[str, Any] | None = None
    ) -> None:
        """A retriever of a place.

        Args:
            place: a folder, which `lsr index` or a collection made; a server's address; or an open collection.
            k: how many passages, at most.
            filter: what documents have to be, as in any search.
            key: for a server that asks for one.
            how: keywords of a search, such as `{"mode": "hybrid"}`.
        """
        super().__init__(k=k)
        self.store = Store(place, key=key, read_only=True)
        self.filter, self.how = filter, how or {}

    def forward(self, query: str, k: int | None = None, **how: Any) -> dspy.Prediction:
        """The passages, titles before their texts, best first."""
        hits = self.store.search(query, self.k if k is None else k, self.filter, **self.how | how)
        return dspy.Prediction(
            passages=[hit.document.contents for hit in hits],
            ids=[hit.id for hit in hits],
            scores=[float(hit.score) for hit in hits],
        )
