"""The interface that the service needs from a retriever, which `lsr.search.retriever.Retriever` implements.

What is served is one of these, or a `LiveRetriever`, which gives each request the one of its time.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lsr.core.documents import Document
from lsr.core.errors import LsrError
from lsr.search.live import LiveRetriever
from lsr.vectors.explanation import Explanation

if TYPE_CHECKING:
    from lsr.search.plan import SearchPlan
    from lsr.search.response import SearchResponse

logger = logging.getLogger("lsr.service")


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


class Served:
    """What is served: `now` is what a request that begins now searches, and goes on to search until its end."""

    def __init__(self, served: SearchBackend | LiveRetriever) -> None:
        self._served = served
        self._problem = ""

    def now(self) -> SearchBackend:
        """The backend of this moment; the last whole one if the index on disk is damaged, or gone, which is logged."""
        if not isinstance(self._served, LiveRetriever):
            return self._served
        try:
            found = self._served.now
        except (LsrError, OSError) as error:
            problem = error.message() if isinstance(error, LsrError) else str(error)
            if problem != self._problem:
                logger.error("serving what was read before: %s", problem)
            self._problem = problem
            return self._served.latest
        self._problem = ""
        return found
