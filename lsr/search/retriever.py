"""Search by text: an index together with the encoder that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.core.executor import executor
from lsr.index.fusion.query import HybridQuery, SparseQuery
from lsr.index.fusion.settings import SPARSE
from lsr.search.encoders import EncodedQueries, IndexEncoders
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.search.rerank import Rerankers
from lsr.search.response import SearchResponse
from lsr.vectors.explanation import Explanation, explain_match

if TYPE_CHECKING:
    from lsr.core.vocabulary import Vocabulary
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index, SearchStats

__all__ = ["EncodedQueries", "RankedIds", "Retriever"]


@dataclass(frozen=True, slots=True)
class RankedIds:
    """The hits of one query of many, best first, and what the search of the sparse index did, if it was searched."""

    ids: list[str]
    scores: npt.NDArray[np.floating]
    stats: SearchStats | None


class Retriever:
    """Searches an index by text.

    The encoder recorded in the index is loaded on first use. An index of inference-free vectors needs only the
    query table, so no deep-learning library is loaded for it. Safe to use from several threads.

    Attributes:
        index: what is searched.
        rerankers: what scores hits again.
    """

    def __init__(
        self,
        index: Index,
        *,
        model: str | None = None,
        device: str | None = None,
        light: bool = False,
        query_idf: float | None = None,
        threads: int | None = None,
    ) -> None:
        self.index = index
        self.rerankers = Rerankers(index, device)
        self._encoders = IndexEncoders(
            index, model=model, device=device, light=light, query_idf=query_idf, threads=threads
        )
        self._model = model

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        model: str | None = None,
        device: str | None = None,
        light: bool = False,
        query_idf: float | None = None,
        threads: int | None = None,
    ) -> Retriever:
        """Open the index at `path`. `model` (a name or folder) replaces the one it was made with.

        `light` is for a process with few queries: it encodes them without torch where `SparseEncoder.load` can.
        `query_idf`, from 0 to 1, is how much of a query's weights is the IDF of this collection, for a model whose
        queries are a table (`SparseEncoder.with_query_idf`). If not given, it is the model's own choice, less for a
        handful of documents, in which every word is rare: times N / (N + 10) for N documents. `threads` are those that
        encode, as for `SparseEncoder.load`.
        Raises IndexFormatError.
        """
        from lsr.index import Index

        return cls(Index.open(path), model=model, device=device, light=light, query_idf=query_idf, threads=threads)

    # -- searching ---------------------------------------------------------------------------------------------------

    def search(
        self,
        text: str,
        k: int = 10,
        plan: SearchPlan | None = None,
        *,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
        mode: str = "auto",
        recall: float | None = None,
        **flat: Any,
    ) -> SearchResponse:
        """The `k` best documents for a text.

        `plan`, or in its place the keywords of `lsr.search.flat.plan_of`, say what is searched and how:
        `search(text, mode="hybrid")` fuses sparse and dense search, `feedback="rocchio"` searches twice, and
        `rerank="FOLDER"` scores the best hits again with a cross-encoder. `explain` adds to each hit the terms that
        it shares with the query. `allow` limits the rows that may be returned, as for `Index.search`: documents (or
        windows, if the index has them). A search of the sparse index alone returns fewer than `k` hits if fewer
        documents share a term with the text.

        InputError for a keyword that is unknown (it suggests the nearest known one) or belongs to another mode.
        """
        if plan is None:
            plan = plan_of(mode, recall=recall, **flat)
        elif flat or recall is not None or mode != "auto":
            raise InputError("the plan already says how to search: leave out mode and other keywords")
        query, encode_ms = self._encoders.encode_query(text, plan.retrieve)
        return self._answer(text, query, k, plan, explain, allow, encode_ms)

    def search_vector(
        self,
        vector: Mapping[str, float],
        k: int = 10,
        plan: SearchPlan | None = None,
        *,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
    ) -> SearchResponse:
        """The `k` best documents for a vector of term weights; like `search`, but in the sparse index only.

        Raises InputError for a term that is not in the vocabulary or a weight that is not finite and positive.
        """
        plan = plan or SearchPlan()
        if plan.retrieve.needs_dense or plan.rerank is not None:
            raise InputError("a vector of terms can only search the sparse index: give a text")
        return self._answer("", HybridQuery(self._read_vector(vector)), k, plan, explain, allow, {})

    def encode_queries(
        self, texts: Sequence[str], plan: SearchPlan, ids: Sequence[str] | None = None
    ) -> EncodedQueries:
        """The vectors of many texts that a plan needs. `ids` default to "0", "1", …"""
        ids = [str(number) for number in range(len(texts))] if ids is None else ids
        return self._encoders.encode_queries(texts, ids, plan.retrieve)

    def rank_one(self, queries: EncodedQueries, number: int, k: int, plan: SearchPlan) -> RankedIds:
        """The ids and scores of the hits of one query of many, on this thread."""
        from lsr.search.run import rank

        ranked = rank(self.index, self.rerankers, queries.texts[number], queries[number], k, plan)
        return RankedIds(self.index.documents.ids(ranked.rows), ranked.scores, ranked.found.sparse_stats)

    def rank(
        self,
        queries: EncodedQueries,
        k: int,
        plan: SearchPlan,
        *,
        threads: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[RankedIds]:
        """The ids and scores of many queries' hits; `threads` run in parallel (default: one for each CPU)."""
        if plan.stages == (SPARSE,) and self.index.documents.windows is None:
            # The index takes batches, which is faster than one query after another.
            assert queries.sparse is not None and plan.retrieve.sparse is not None
            options = plan.retrieve.sparse.keywords
            found = self.index.search_batch(queries.sparse, k, threads=threads, progress=progress, **options)
            return [RankedIds(hits.ids, hits.scores, hits.stats) for hits in found]
        results = []
        with executor(threads) as workers:
            for ranked in workers.map(lambda number: self.rank_one(queries, number, k, plan), range(len(queries))):
                results.append(ranked)
                if progress is not None:
                    progress(1)
        return results

    def explain(self, text: str, document_id: str) -> Explanation:
        """Explain the score of a document, or of its best window, for the text. Raises NotFoundError."""
        rows = self.index.documents.rows_of(document_id)
        query = self._encode_query(text)
        best = int(self.index.scores(*query, rows).argmax())
        return explain_match(query, self.index.vector(rows[best]), self.vocabulary)

    def encode(
        self, text: str, kind: Literal["query", "document"] = "query", top_k: int | None = None
    ) -> dict[str, float]:
        """The text's term weights, heaviest first."""
        encoder = self.encoder if kind == "query" else self.document_encoder
        encode = encoder.encode_queries if kind == "query" else encoder.encode_documents
        return dict(encoder.decode(encode([text], top_k=top_k))[0])

    def warm_up(self, plan: SearchPlan | None = None) -> None:
        """Compile the kernels, load the encoder and run both once, so that the first real query is as fast as the next.

        The same goes for everything else that `plan` needs.
        """
        from lsr.search.run import rank

        self.index.sparse.warm_up()
        plan = plan or SearchPlan()
        if plan.stages != (SPARSE,):
            self.search("warm up", 1, plan)
        elif self.index.documents.windows is not None:
            query = np.zeros(1, np.uint32), np.ones(1, np.float32)
            rank(self.index, self.rerankers, "", HybridQuery(query), 1, SearchPlan())
        if self.index.encoder is not None or self._model is not None:
            self._encode_query("warm up")
            _ = self.vocabulary  # read from disk on first use

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def vocabulary(self) -> Vocabulary:
        """The index's terms, or the encoder's if the index was made from vectors without a vocabulary."""
        return self.index.vocabulary or self.encoder.vocabulary

    @property
    def encoder(self) -> SparseEncoder:
        """The encoder of queries: see `lsr.search.encoders.IndexEncoders`."""
        return self._encoders.queries

    @encoder.setter
    def encoder(self, encoder: SparseEncoder) -> None:
        self._encoders.queries = encoder

    @property
    def document_encoder(self) -> SparseEncoder:
        """The encoder of documents."""
        return self._encoders.documents

    @property
    def dense_encoder(self) -> DenseEncoder:
        """The encoder of dense queries."""
        return self._encoders.dense

    @dense_encoder.setter
    def dense_encoder(self, encoder: DenseEncoder) -> None:
        self._encoders.dense = encoder

    def _encode_query(self, text: str) -> SparseQuery:
        return self.encoder.encode_queries([text]).row(0)

    def _read_vector(self, vector: Mapping[str, float]) -> SparseQuery:
        weights: dict[int, np.float32] = {}
        for term, given in vector.items():
            id = self.vocabulary.id(term)
            if id is None:
                raise InputError(f"the index has no term {term!r}", field=f"vector.{term}")
            with np.errstate(over="ignore", under="ignore"):
                weight = np.float32(given)
            if not 0 < weight < np.inf:
                raise InputError(
                    f"a weight must be positive and finite in float32, not {given}", field=f"vector.{term}"
                )
            weights[id] = weight
        terms = sorted(weights)
        return np.array(terms, dtype=np.uint32), np.array([weights[term] for term in terms], dtype=np.float32)

    def _answer(
        self,
        text: str,
        query: HybridQuery,
        k: int,
        plan: SearchPlan,
        explain: bool,
        allow: npt.NDArray[Any] | None,
        encode_ms: dict[str, float],
    ) -> SearchResponse:
        from lsr.search.run import answer, rank

        start = perf_counter()
        ranked = rank(self.index, self.rerankers, text, query, k, plan, allow)
        search_ms = (perf_counter() - start) * 1e3
        vocabulary = (lambda: self.vocabulary) if explain else None
        return answer(self.index, ranked, plan, vocabulary=vocabulary, encode_ms=encode_ms, search_ms=search_ms)
