"""A searcher without a model: texts are split at spaces, every word weighs what it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, Literal

import numpy as np

from lsr.core.documents import Document
from lsr.core.errors import InputError, NotFoundError
from lsr.index.engines.hits import SearchStats
from lsr.search.plan import SearchPlan
from lsr.search.response import Hit, SearchResponse
from lsr.service.backend import SearchBackend
from lsr.vectors.explanation import Explanation, TermMatch

DOCUMENTS = [
    Document("datetime/strptime", "date from string", "strptime", {"module": "datetime", "line": 7}),
    Document("json.dumps", "object to string", "dumps", {"module": "json"}),
    Document("größe?", "size of an object"),
]
WORDS = sorted({word for document in DOCUMENTS for word in document.contents.split()})


class FakeDocuments:
    def __len__(self) -> int:
        return len(DOCUMENTS)

    def get(self, id: str) -> Document:
        for document in DOCUMENTS:
            if document.id == id:
                return document
        raise NotFoundError(f"the index has no document {id!r}")


class FakeIndex:
    dim = len(WORDS)
    encoder = None
    documents = FakeDocuments()
    parts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(DOCUMENTS)

    def describe(self) -> dict[str, Any]:
        return {"documents": len(self)}


class FakeSearcher:
    """Scores are numbers of shared words. `on_search` is called with the query, in the worker's thread."""

    def __init__(
        self,
        on_search: Callable[[str], object] = lambda text: None,
        on_warm_up: Callable[[], object] = lambda: None,
    ) -> None:
        self.index = FakeIndex()
        self.model = "words"
        self.on_search = on_search
        self.on_warm_up = on_warm_up
        self.searched: list[str] = []
        self.plans: list[SearchPlan] = []
        self._lock = Lock()

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
    ) -> SearchResponse:
        plan = plan or SearchPlan()
        for term in vector or ():
            if term not in WORDS:
                raise InputError(f"the index has no term {term!r}", field=f"vector.{term}")
        if text is not None:
            with self._lock:
                self.searched.append(text)
                self.plans.append(plan)
            self.on_search(text)
        asked = dict.fromkeys((text or "").split(), 1.0) if vector is None else vector
        found = self._rank(asked, offset + k, plan.mode, explain)
        return replace(found, hits=found.hits[offset:])

    def explain(self, text: str, document_id: str) -> Explanation:
        matches = self._matches(dict.fromkeys(text.split(), 1.0), self.index.documents.get(document_id))
        return Explanation(sum(match.contribution for match in matches), matches)

    def encode_many(
        self, texts: Sequence[str], kind: Literal["query", "document"] = "query", top_k: int | None = None
    ) -> list[dict[str, float]]:
        found = []
        for text in texts:
            known = sorted({word for word in text.split() if word in WORDS}, key=WORDS.index)
            weights = {word: float(np.float32(number) / 3) for number, word in enumerate(known, start=1)}
            found.append(dict(sorted(weights.items(), key=lambda pair: -pair[1])[:top_k]))
        return found

    def warm_up(self, plan: SearchPlan | None = None) -> None:
        self.on_warm_up()

    def _rank(self, query: Mapping[str, float], k: int, mode: str, explain: bool) -> SearchResponse:
        found = [(document, self._matches(query, document)) for document in DOCUMENTS]
        found = sorted((pair for pair in found if pair[1]), key=lambda pair: -sum(m.contribution for m in pair[1]))
        hits = [
            Hit(rank, document.id, sum(m.contribution for m in matches), document, matches if explain else None)
            for rank, (document, matches) in enumerate(found[:k], start=1)
        ]
        went = "exact" if mode == "auto" else mode
        return SearchResponse(hits, went, SearchStats(went), 0.1, 0.2)

    @staticmethod
    def _matches(query: Mapping[str, float], document: Document) -> list[TermMatch]:
        words = document.contents.split()
        return [TermMatch(word, weight, 1.0, weight) for word, weight in query.items() if word in words]


# The fake and the real retriever are both held to the protocol by the type checker.
_: SearchBackend = FakeSearcher()
