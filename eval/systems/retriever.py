"""A retriever of ours, as a system to evaluate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lsr.core.documents import Query
from lsr.core.errors import NotFoundError
from lsr.core.progress import Stages
from lsr.eval.collections import TestCollection
from lsr.eval.matching import check_documents
from lsr.eval.measures.latency import Latency, time_each
from lsr.eval.measures.sparsity import Activation, Spread, flops
from lsr.eval.runs import Ranking, Run
from lsr.eval.systems.settings import EvaluationSettings
from lsr.eval.systems.system import Answered
from lsr.search.stats import mean_stats
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.eval.systems.given import GivenVectors
    from lsr.index import Index, SearchStats
    from lsr.search.plan import SearchPlan
    from lsr.search.retriever import EncodedQueries, Retriever

_BATCH = 256
_PARTS = ("encode", "search", "total")


@dataclass(frozen=True, slots=True)
class RetrieverSystem:
    """Searches with a retriever, by the plan of the settings.

    A query whose text is empty retrieves nothing, whatever an encoder makes of an empty text. The run is searched on
    all threads; latency is then measured separately, query by query on one thread, with encoder and kernels warm.

    Attributes:
        label: its name in tables; None for that of its encoder, or of the index where there is none.
        given: query vectors that are searched with instead of encoding the texts, which may be empty then.
    """

    retriever: Retriever
    label: str | None = None
    given: GivenVectors | None = None

    def __call__(self, collection: TestCollection, settings: EvaluationSettings, stages: Stages) -> Answered:
        """Search the judged queries, and time the first of them."""
        asked, retriever = collection.asked() if self.given is None else collection.queries, self.retriever
        notes = _check_documents(collection, retriever.index)
        self._warm_up(asked, settings)
        known = retriever.has_encoder
        vectors, run = self._search(asked, settings, stages)
        latency, stats = self._time(asked[: settings.latency_queries], settings, stages)
        return Answered(
            label=self.label or (_name(retriever, settings.plan) if known else retriever.index.path.name),
            run=run,
            latency=latency,
            documents=len(retriever.index.documents),
            variant=retriever.index.encoder or (retriever.encoder.settings() if known else None),
            search=stats,
            index=_describe_index(retriever.index, vectors),
            notes=notes,
        )

    def _warm_up(self, queries: list[Query], settings: EvaluationSettings) -> None:
        if self.given is None:
            self.retriever.warm_up(settings.plan)
            return
        # A query of those that were given: there may be no model for another.
        self.retriever.index.sparse.warm_up()
        self.retriever.rank_one(self._encode(queries[:1], settings.plan), 0, settings.latency_k, settings.plan)

    def _search(self, queries: list[Query], settings: EvaluationSettings, stages: Stages) -> tuple[SparseVectors, Run]:
        """The queries' sparse vectors, and their rankings."""
        retriever, plan = self.retriever, settings.plan
        parts, run = [SparseVectors.empty(retriever.index.dim)], {}
        with stages("searching", len(queries), "queries") as progress:
            for start in range(0, len(queries), _BATCH):
                batch = queries[start : start + _BATCH]
                encoded = self._encode(batch, plan)
                found = retriever.rank(encoded, settings.depth, plan, threads=settings.threads, progress=progress)
                for query, hits in zip(batch, found, strict=True):
                    run[query.id] = settings.cut(Ranking(hits.ids, hits.scores), query.id)
                # The statistics are of the sparse vectors, whether searched or not.
                vectors = encoded.sparse
                if vectors is None and retriever.has_encoder:
                    vectors = retriever.sparse_queries(encoded.texts, encoded.ids)
                if vectors is not None:
                    parts.append(vectors)
        return SparseVectors.concatenate(parts), run

    def _time(
        self, queries: list[Query], settings: EvaluationSettings, stages: Stages
    ) -> tuple[dict[str, Latency], SearchStats | None]:
        plan = settings.plan
        stats: list[SearchStats] = []

        def once(query: Query) -> tuple[float, float, float]:
            start = perf_counter()
            encoded = self._encode([query], plan)
            middle = perf_counter()
            # Ids are read on first use; they are part of every answer.
            hits = self.retriever.rank_one(encoded, 0, settings.latency_k, plan)
            end = perf_counter()
            if hits.stats is not None:
                stats.append(hits.stats)
            return middle - start, end - middle, end - start

        times = time_each(queries, once, "timing", stages)
        latency = {part: Latency.of([each[i] for each in times]) for i, part in enumerate(_PARTS)}
        return latency, mean_stats(stats[-len(queries) :]) if stats else None

    def _encode(self, queries: list[Query], plan: SearchPlan) -> EncodedQueries:
        sparse, dense = (None, None) if self.given is None else self.given.of(queries)
        texts, ids = [query.text for query in queries], [query.id for query in queries]
        return self.retriever.encode_queries(texts, plan, ids, dense=dense, sparse=sparse)


def _name(retriever: Retriever, plan: SearchPlan) -> str:
    """The model's name, and whether words count beside its terms."""
    return f"{retriever.model}{' + words' * retriever.counts_words(plan)}"


def _check_documents(collection: TestCollection, index: Index) -> list[str]:
    def holds(id: str) -> bool:
        try:
            index.documents.rows_of(id)
        except NotFoundError:
            return False
        return True

    def example() -> str:
        return index.documents.ids(np.zeros(1, dtype=np.int64))[0]

    return check_documents(collection, holds, example, len(index.documents))


def _read(index: Index) -> str:
    """How much of a document its vectors are of."""
    windows, length = index.documents.windows, (index.encoder or {}).get("max_length")
    if windows is not None and windows.settings.score == "first":
        return f"the first {windows.settings.words:,} words"
    if windows is not None:
        return f"all, in windows of up to {windows.settings.words:,} words"
    if (index.encoder or {}).get("window_overlap") is not None or index.encoder is None or not length:
        return "all"
    return f"up to {length:,} tokens"


def _describe_index(index: Index, queries: SparseVectors) -> dict[str, Any]:
    documents, asked = Activation.of_index(index), Activation.of_vectors(queries)
    parts = index.describe()["bytes"]
    size = parts["total"]
    return {
        "documents": len(index.documents),
        "windows": index.segments[0].record.windows,
        "read": _read(index),
        "bytes": size,
        "bytes_per_document": size / len(index.documents),
        "parts": parts,
        "active_terms": {"documents": documents.mean_terms, "queries": asked.mean_terms},
        "terms": {
            "documents": asdict(Spread.of_index(index)),
            "queries": asdict(Spread.of_vectors(queries)),
        },
        "flops": flops(asked, documents),
        "prunings": index.manifest.prunings,
    }
