"""Text in, ranked documents out: an index together with the encoder that made it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lsr.core.errors import InputError
from lsr.search.encoders import IndexEncoders
from lsr.search.response import Hit, SearchResponse
from lsr.vectors.explanation import Explanation, explain_match

if TYPE_CHECKING:
    from lsr.core.vocabulary import Vocabulary
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index, SearchStats
    from lsr.index.fusion.search import HybridQuery
    from lsr.search.plan import SearchPlan
    from lsr.search.rerank import Rerankers
    from lsr.vectors.sparse import SparseVectors


@dataclass(frozen=True, slots=True)
class EncodedQueries:
    """Texts and the vectors that a plan asks for.

    Attributes:
        ids, texts: [n].
        sparse: a row for each text, or None where the sparse index is not searched.
        dense: float32 [n, dim], or None where dense vectors are not.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    sparse: SparseVectors | None
    dense: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, number: int) -> HybridQuery:
        from lsr.index.fusion.search import HybridQuery

        return HybridQuery(
            None if self.sparse is None else self.sparse.row(number), None if self.dense is None else self.dense[number]
        )


@dataclass(frozen=True, slots=True)
class RankedIds:
    """The hits of one query of many, best first, and what the search of the sparse index did, if it was searched."""

    ids: list[str]
    scores: npt.NDArray[np.floating]
    stats: SearchStats | None


class Retriever:
    """Searches an index by text.

    The encoder is loaded on first use, as the index recorded it. An index of inference-free vectors needs only the
    query table, so no deep-learning library is loaded for it. Safe to use from several threads.
    """

    def __init__(
        self,
        index: Index,
        *,
        model: str | None = None,
        device: str | None = None,
        light: bool = False,
        query_idf: float | None = None,
    ) -> None:
        self.index = index
        self._encoders = IndexEncoders(index, model=model, device=device, light=light, query_idf=query_idf)
        self._model = model
        self._device = device
        self._rerankers: Rerankers | None = None
        self._loading = Lock()

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        model: str | None = None,
        device: str | None = None,
        light: bool = False,
        query_idf: float | None = None,
    ) -> Retriever:
        """Open the index at `path`. `model` (a name or folder) stands in for the one it was made with.

        `light` is for a process that asks little: it encodes queries without torch where `SparseEncoder.load` can.
        `query_idf`, from 0 to 1, is how much of a query's weights is the IDF of this collection, for a model whose
        queries are a table (`SparseEncoder.with_query_idf`). If not given, it is the model's own choice, less for a
        handful of documents, in which every word is rare: times N / (N + 10) for N documents.
        Raises IndexFormatError.
        """
        from lsr.index import Index

        return cls(Index.open(path), model=model, device=device, light=light, query_idf=query_idf)

    # -- searching ---------------------------------------------------------------------------------------------------

    def search(
        self,
        text: str,
        k: int = 10,
        *,
        mode: str = "auto",
        recall: float | None = None,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
        **parameters: Any,
    ) -> SearchResponse:
        """The `k` best documents for a text.

        `mode`, `recall` and `parameters` are those of `Index.search`, and of what can come before and after it: see
        `lsr.search.plan.SearchPlan.of`. So `search(text, mode="hybrid")` fuses sparse and dense search, with
        `feedback="rocchio"` searches twice, and with `rerank="FOLDER"` scores the best again with a cross-encoder.
        `allow` are the rows that may be returned, as for `Index.search`: documents, or windows where the index has
        such. A search of the sparse index alone returns fewer than `k` if fewer share a term with the text.
        """
        from lsr.search.plan import SearchPlan

        return self.search_plan(text, k, SearchPlan.of(mode, recall, parameters), explain=explain, allow=allow)

    def search_plan(
        self,
        text: str,
        k: int,
        plan: SearchPlan,
        *,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
    ) -> SearchResponse:
        """As `search`, by a plan."""
        from lsr.index.fusion.search import HybridQuery
        from lsr.search.run import answer, run_plan

        encode_ms, sparse, dense = {}, None, None
        start = perf_counter()
        if plan.retrieve.needs_sparse:
            sparse = self._encode_query(text)
            encode_ms["encode sparse"] = (perf_counter() - start) * 1e3
        if plan.is_plain:
            assert sparse is not None
            options = {**plan.retrieve.sparse, "allow": allow}
            return self._search(*sparse, k, explain, encode_ms["encode sparse"], options)
        if plan.retrieve.needs_dense:
            before = perf_counter()
            dense = self.dense_encoder.encode_queries([text])[0]
            encode_ms["encode dense"] = (perf_counter() - before) * 1e3
        start = perf_counter()
        ranked = run_plan(self, text, HybridQuery(sparse, dense), k, plan, allow)
        search_ms = (perf_counter() - start) * 1e3
        return answer(self, ranked, plan, explain=explain, encode_ms=encode_ms, search_ms=search_ms)

    def encode_queries(
        self, texts: Sequence[str], plan: SearchPlan, ids: Sequence[str] | None = None
    ) -> EncodedQueries:
        """The vectors of many texts that a plan searches with. `ids` default to "0", "1", …"""
        ids = [str(number) for number in range(len(texts))] if ids is None else ids
        sparse = self.encoder.encode_queries(texts, ids) if plan.retrieve.needs_sparse else None
        dense = self.dense_encoder.encode_queries(texts) if plan.retrieve.needs_dense else None
        return EncodedQueries(ids, texts, sparse, dense)

    def rank_one(self, queries: EncodedQueries, number: int, k: int, plan: SearchPlan) -> RankedIds:
        """The ids and scores of the hits of one query of many, on this thread."""
        if plan.is_plain and self.index.windows is None:
            assert queries.sparse is not None
            hits = self.index.search(*queries.sparse.row(number), k, **plan.retrieve.sparse)
            return RankedIds(hits.ids, hits.scores, hits.stats)
        from lsr.search.run import run_plan

        ranked = run_plan(self, queries.texts[number], queries[number], k, plan)
        return RankedIds(self.index.document_ids(ranked.rows), ranked.scores, ranked.found.sparse_stats)

    def rank(
        self,
        queries: EncodedQueries,
        k: int,
        plan: SearchPlan,
        *,
        threads: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[RankedIds]:
        """The ids and scores of many queries' hits; `threads` run side by side (default: as many as there are CPUs)."""
        if plan.is_plain and self.index.windows is None:
            assert queries.sparse is not None
            options: dict[str, Any] = {**plan.retrieve.sparse, "threads": threads, "progress": progress}
            found = self.index.search_batch(queries.sparse, k, **options)
            return [RankedIds(hits.ids, hits.scores, hits.stats) for hits in found]
        results = []
        with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
            for ranked in pool.map(lambda number: self.rank_one(queries, number, k, plan), range(len(queries))):
                results.append(ranked)
                if progress is not None:
                    progress(1)
        return results

    def search_vector(
        self,
        vector: Mapping[str, float],
        k: int = 10,
        *,
        mode: str = "auto",
        recall: float | None = None,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
        **parameters: Any,
    ) -> SearchResponse:
        """The `k` best documents for a vector of term weights; else as `search`.

        Raises InputError for a term that is not in the vocabulary or a weight that is not finite and positive.
        """
        terms, weights = self._read_vector(vector)
        options = {"mode": mode, "recall": recall, "allow": allow, **parameters}
        return self._search(terms, weights, k, explain, 0.0, options)

    def explain(self, text: str, document_id: str) -> Explanation:
        """Why the document, or its best window, scores what it scores for the text. Raises NotFoundError."""
        rows = self.index.document_rows(document_id)
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
        """Compile the kernels, load the encoder and run both once: the first real query is then as fast as the next.

        So too for all that `plan` needs.
        """
        self.index.warm_up()
        if self.index.windows is not None:
            self._search(np.zeros(1, np.uint32), np.ones(1, np.float32), 1, False, 0.0, {})
        if self.index.encoder is not None or self._model is not None:
            self._encode_query("warm up")
            _ = self.vocabulary  # read from disk on first use
        if plan is not None and not plan.is_plain:
            self.search_plan("warm up", 1, plan)

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def vocabulary(self) -> Vocabulary:
        """The index's terms, or the encoder's where the index was made from bare vectors."""
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

    @property
    def rerankers(self) -> Rerankers:
        """What scores hits again."""
        from lsr.search.rerank import Rerankers

        with self._loading:
            if self._rerankers is None:
                self._rerankers = Rerankers(self.index, self._device)
            return self._rerankers

    def _encode_query(self, text: str) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
        return self.encoder.encode_queries([text]).row(0)

    def _read_vector(self, vector: Mapping[str, float]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]:
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

    def _search(
        self,
        terms: npt.NDArray[np.uint32],
        weights: npt.NDArray[np.float32],
        k: int,
        explain: bool,
        encode_ms: float,
        options: dict[str, Any],
    ) -> SearchResponse:
        from lsr.index.fusion.grouping import search_sparse

        start = perf_counter()
        found = search_sparse(self.index, (terms, weights), k, **options)
        search_ms = (perf_counter() - start) * 1e3
        hits = []
        for rank, (row, score) in enumerate(zip(found.rows.tolist(), found.scores.tolist(), strict=True), start=1):
            document, window = self.index.passage(row)
            matches = (
                explain_match((terms, weights), self.index.vector(row), self.vocabulary).matches if explain else None
            )
            hits.append(Hit(rank, document.id, score, document, matches, window=window))
        return SearchResponse(hits, found.stats, encode_ms, search_ms)
