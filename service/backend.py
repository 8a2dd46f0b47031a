"""The interface that the service needs from a retriever, which `lsr.search.retriever.Retriever` implements."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lsr.core.documents import Document
from lsr.vectors.explanation import Explanation

if TYPE_CHECKING:
    from lsr.search.plan import SearchPlan
    from lsr.search.response import SearchResponse


class SearchedDocuments(Protocol):
    """The documents, by id; the length is their number."""

    def __len__(self) -> int: ...

    def get(self, id: str) -> Document: ...


class SearchedIndex(Protocol):
    """What is searched; its length is the number of rows."""

    def __len__(self) -> int: ...

    @property
    def documents(self) -> SearchedDocuments: ...

    @property
    def parts(self) -> Container[str]: ...

    @property
    def dim(self) -> int: ...

    @property
    def encoder(self) -> Mapping[str, Any] | None: ...

    def describe(self) -> dict[str, Any]: ...


class SearchBackend(Protocol):
    """Searches, explains and encodes; every method may be called from several threads at once."""

    @property
    def index(self) -> SearchedIndex: ...

    @property
    def model(self) -> str | None: ...

    def search(
        self,
        text: str | None = None,
        k: int = 10,
        plan: SearchPlan | None = None,
        *,
        vector: Mapping[str, float] | None = None,
        dense_vector: Sequence[float] | None = None,
        offset: int = 0,
        search_after: Sequence[Any] | None = None,
        explain: bool = False,
    ) -> SearchResponse: ...

    def explain(self, text: str, document_id: str) -> Explanation: ...

    def encode_many(
        self, texts: Sequence[str], kind: Literal["query", "document"] = "query", top_k: int | None = None
    ) -> list[dict[str, float]]: ...

    def warm_up(self, plan: SearchPlan | None = None) -> None: ...
