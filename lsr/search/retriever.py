"""Search by text: an index together with the encoder that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import methods_as_annotated
from lsr.core.arguments import count, kind_of, list_of_texts, place_in
from lsr.core.counted import counted
from lsr.core.documents import is_blank
from lsr.core.errors import InputError
from lsr.core.executor import executor
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.settings import SPARSE
from lsr.search.asked import Asked, NumberedTerms, asked_with, encode_asked
from lsr.search.encoders import EncodedQueries, IndexEncoders, QueryEncoder
from lsr.search.flat import plan_of
from lsr.search.models import Models
from lsr.search.plan import SearchPlan, checked_plan
from lsr.search.ranked import RankedIds
from lsr.search.rerank import Rerankers
from lsr.search.response import SearchResponse
from lsr.vectors.decoding import decode
from lsr.vectors.explanation import Explanation, explain_match

if TYPE_CHECKING:
    from lsr.core.vocabulary import Vocabulary
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index
    from lsr.vectors.sparse import SparseVectors

__all__ = ["EncodedQueries", "RankedIds", "Retriever"]


@methods_as_annotated(
    "encode_queries", "sparse_queries", "rank_one", "rank", "explain", "encode", "encode_many", "warm_up", "renewed"
)
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
        gathers: bool = False,
        models: Models | None = None,
    ) -> None:
        """As `open`; `gathers` lets a model read texts that several threads search for meanwhile in one run.

        Retrievers of several indexes that are given the same `models` load each of them once.
        """
        if not hasattr(index, "documents"):
            raise InputError(f"a retriever needs an Index, not {kind_of(index)}; Retriever.open takes its path")
        self.index = index
        self._model, models = model, models or Models()
        self.rerankers = Rerankers(index, device, models)
        options: dict[str, Any] = {"device": device, "light": light, "query_idf": query_idf, "threads": threads}
        self._encoders = IndexEncoders(index, model=model, gathers=gathers, models=models, **options)

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
        encode, as for `SparseEncoder.load`. Raises IndexFormatError.
        """
        from lsr.index import Index

        return cls(Index.open(path), model=model, device=device, light=light, query_idf=query_idf, threads=threads)

    def renewed(self, index: Index) -> Retriever:
        """A retriever of a later snapshot of the same collection, with the models that are loaded."""
        made = copy(self)
        made.index, made.rerankers, made._encoders = index, self.rerankers.renewed(index), self._encoders.renewed(index)
        return made

    def __repr__(self) -> str:
        model = self._model or (self.index.encoder or {}).get("model") or "no model"
        return f"Retriever({str(self.index.path)!r}, {counted(len(self.index.documents), 'documents')}, {model})"

    @overload
    def search(self, text: str, k: int = ..., plan: SearchPlan | None = ..., **given: Any) -> SearchResponse: ...

    @overload
    def search(
        self, text: Sequence[str] | SparseVectors, k: int = ..., plan: SearchPlan | None = ..., **given: Any
    ) -> list[SearchResponse]: ...

    @overload
    def search(self, text: Any = ..., k: int = ..., plan: SearchPlan | None = ..., **given: Any) -> Any: ...

    def search(
        self,
        text: Any = None,
        k: int = 10,
        plan: SearchPlan | None = None,
        *,
        vector: Any = None,
        dense_vector: Any = None,
        offset: int = 0,
        search_after: Sequence[Any] | None = None,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
        mode: str = "auto",
        recall: float | None = None,
        **flat: Any,
    ) -> Any:
        """The `k` best documents for a text, for vectors of your own, or for each of many.

        A list of texts is answered by a list of `SearchResponse`, one for each, and so are SparseVectors, which may
        stand in the place of the text. `vector` is a sparse query: weights by term, a pair of (term ids, weights),
        SparseVectors, or a list of the former. `dense_vector` is a dense one: an array [dim], or [queries, dim] for
        many. What is given is searched with as it is; what a plan needs besides is made of the text, which re-ranking
        reads, too. A dense vector alone searches dense vectors, and one beside a text or a vector makes a hybrid
        search, unless `mode` or `plan` says otherwise.

        `plan`, or in its place the keywords of `lsr.search.flat.plan_of`, say what is searched and how:
        `search(text, mode="hybrid")` fuses sparse and dense search, `feedback="rocchio"` searches twice, and
        `rerank="FOLDER"` scores the best hits again with a cross-encoder. `explain` adds to each hit the terms that
        it shares with the query. `filter` says what the documents' fields must be: a string, `year >= 2020 and not
        draft`, the same in JSON, or a tree (`lsr.index.filters`). `allow` limits the rows that may be returned, as for
        `Index.search`: documents (or windows, if the index has them). A search of the sparse index alone returns fewer
        than `k` hits if fewer documents share a term with the text.

        `offset` leaves out that many of the best: pages of the same `k` are slices of one ranking, in which no document
        comes twice (`lsr.index.fusion.grouping.search_documents`). `search_after` goes on from a hit, however deep it
        is: it is that hit's `sort`, or its score and id where hits are in the order of their scores.

        `filter`, `sort`, `facets` and `count` need no text: without one, all documents that the filter allows are hits.

        InputError for an argument of the wrong kind, for a vector or text that the plan has no use for, or lacks, and
        for a keyword that is unknown, or goes with another mode: it names the nearest.
        """
        k, offset = count(k), count(offset, "offset", least=0)
        if plan is not None and (flat or recall is not None or mode != "auto"):
            raise InputError("the plan already says how to search: leave out mode and other keywords")
        if search_after is not None and offset:
            raise InputError("already says where to go on: leave out offset", field="search_after")
        if vector is None and dense_vector is None and (text is None or isinstance(text, str)):
            plan = checked_plan(plan_of(mode, recall=recall, **flat) if plan is None else plan)
            if plan.lists and is_blank(text or ""):
                return self._answer("", HybridQuery(), k, plan, explain, allow, {}, offset, search_after)
            if text is not None:
                query, encode_ms = self._encoders.encode_query(text, plan.retrieve)
                return self._answer(text, query, k, plan, explain, allow, encode_ms, offset, search_after)
        asked = asked_with(text, vector, dense_vector, self.index, self._names)
        if plan is None:
            mode = asked.mode if mode == "auto" and recall is None and "sparse_mode" not in flat else mode
            plan = plan_of(mode, recall=recall, **flat)
        plan = checked_plan(plan)
        asked.check(plan.retrieve, reranks=plan.rerank is not None)
        if not asked.many:
            sparse, dense = asked.sparse, asked.dense
            given = HybridQuery(None if sparse is None else sparse[0], None if dense is None else dense[0])
            query, encode_ms = self._encoders.encode_query(asked.texts[0] or "", plan.retrieve, given)
            return self._answer(asked.texts[0] or "", query, k, plan, explain, allow, encode_ms, offset, search_after)
        if search_after is not None:
            raise InputError("goes on with one ranking, not with many", field="search_after")
        return self._answer_many(asked, k, plan, explain, allow, offset)

    def search_vector(
        self,
        vector: Mapping[str, float],
        k: int = 10,
        plan: SearchPlan | None = None,
        *,
        explain: bool = False,
        allow: npt.NDArray[Any] | None = None,
        offset: int = 0,
    ) -> SearchResponse:
        """The `k` best documents for a vector of term weights: `search` with that as its `vector`.

        Raises InputError for a term that is not in the vocabulary or a weight that is not finite and positive.
        """
        if not isinstance(vector, Mapping):
            raise InputError(f"a vector of terms is weights by term, not {kind_of(vector)}")
        answer: SearchResponse = self.search(
            None, k, plan or SearchPlan(), vector=vector, explain=explain, allow=allow, offset=offset
        )
        return answer

    def encode_queries(
        self,
        texts: Sequence[str],
        plan: SearchPlan,
        ids: Sequence[str] | None = None,
        *,
        dense: npt.NDArray[np.float32] | None = None,
        sparse: SparseVectors | None = None,
    ) -> EncodedQueries:
        """The vectors of many texts that a plan searches with. `ids` default to "0", "1", …

        `dense` [n, dim] and `sparse` (n rows) are vectors of your own, which are taken as they are.
        """
        texts = list_of_texts(texts)
        ids = [str(number) for number in range(len(texts))] if ids is None else ids
        return self._encoders.encode_queries(texts, ids, plan.retrieve, dense, sparse)

    def sparse_queries(
        self, texts: Sequence[str], ids: Sequence[str] | None = None, *, lexical_weight: float | None = None
    ) -> SparseVectors:
        """The sparse vectors of texts, as this index is searched with: the model's terms, and words by weight."""
        return self._encoders.sparse_queries(list_of_texts(texts), ids, lexical_weight)

    def rank_one(self, queries: EncodedQueries, number: int, k: int, plan: SearchPlan) -> RankedIds:
        """The ids and scores of the hits of one query of many, on this thread."""
        from lsr.search.run import rank

        number = place_in(number, len(queries), "query")
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
        from lsr.search.selection import allowed_rows, is_plain

        if is_plain(plan) and self.index.documents.windows is None:
            # The index takes batches, which is faster than one query after another.
            assert queries.sparse is not None and plan.retrieve.sparse is not None
            options = {**plan.retrieve.sparse.keywords, "allow": allowed_rows(self.index, plan, None)}
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
        query = self._encoders.sparse_query(text)
        best = int(self.index.scores(*query, rows).argmax())
        return explain_match(query, self.index.vector(rows[best]), self.vocabulary)

    def encode(
        self, text: str, kind: Literal["query", "document"] = "query", top_k: int | None = None
    ) -> dict[str, float]:
        """The text's term weights, heaviest first, as this index searches with them; `top_k` keeps the heaviest."""
        return self.encode_many([text], kind, top_k)[0]

    def encode_many(
        self, texts: Sequence[str], kind: Literal["query", "document"] = "query", top_k: int | None = None
    ) -> list[dict[str, float]]:
        """The same of each text."""
        encode = self._encoders.sparse_queries if kind == "query" else self._encoders.sparse_documents
        return [dict(terms) for terms in decode(encode(list_of_texts(texts)), self.vocabulary, top_k)]

    def warm_up(self, plan: SearchPlan | None = None) -> None:
        """Compile, load and run once what `plan` needs, so that the first real query is as fast as the next."""
        from lsr.search.run import rank

        self.index.sparse.warm_up()
        plan = plan or SearchPlan()
        if plan.lists or plan.stages != (SPARSE,):
            self.search(None if plan.stages == (SPARSE,) else "warm up", 1, plan)
        elif self.index.documents.windows is not None:
            query = np.zeros(1, np.uint32), np.ones(1, np.float32)
            rank(self.index, self.rerankers, "", HybridQuery(query), 1, SearchPlan())
        if self.index.encoder is not None or self._model is not None:
            self.search("warm up", 1)  # of no documents yet, too
            _ = self.vocabulary  # read from disk on first use

    @property
    def vocabulary(self) -> Vocabulary:
        """The index's terms, or the encoder's if the index was made from vectors without a vocabulary."""
        return self.encoder.vocabulary if (found := self.index.vocabulary) is None else found

    @property
    def _names(self) -> Vocabulary | None:
        """The vocabulary; None for an index of bare term ids that no model is known of."""
        return None if self.index.vocabulary is None and not self.has_encoder else self.vocabulary

    @property
    def has_encoder(self) -> bool:
        """Whether an encoder of queries is known; not of an index of own vectors, unless one was given."""
        return self.index.encoder is not None or self._model is not None or self._encoders.has_queries

    @property
    def model(self) -> str | None:
        """The name of the model of queries, "bm25" for an index of words alone; None if none can be loaded."""
        return self._encoders.name

    @property
    def lexical_weight(self) -> float | None:
        """How much words count beside the terms of a model, where a search does not say; None without words."""
        return self._encoders.lexical_weight

    def counts_words(self, plan: SearchPlan) -> bool:
        """Whether a search by this plan looks for words beside a model's terms."""
        return plan.retrieve.needs_sparse and self._encoders.counts_words(plan.retrieve.lexical_weight)

    @property
    def encoder(self) -> SparseEncoder:
        """The encoder of queries: see `lsr.search.encoders.IndexEncoders`."""
        return self._encoders.queries

    @encoder.setter
    def encoder(self, encoder: SparseEncoder) -> None:
        self._encoders.queries = encoder

    @property
    def query_encoder(self) -> QueryEncoder:
        """What encodes queries as a search of this index does: the model's terms, and words."""
        return QueryEncoder(self._encoders, self.vocabulary)

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

    def _answer(
        self,
        text: str,
        query: HybridQuery,
        k: int,
        plan: SearchPlan,
        explain: bool,
        allow: npt.NDArray[Any] | None,
        encode_ms: dict[str, float],
        offset: int = 0,
        after: Sequence[Any] | None = None,
    ) -> SearchResponse:
        from lsr.search.run import answer, rank

        start = perf_counter()
        page = k if offset else None
        ranked = rank(self.index, self.rerankers, text, query, offset + k, plan, allow, page, after)
        search_ms = (perf_counter() - start) * 1e3
        names = (lambda: self._names or NumberedTerms()) if explain else None
        return answer(
            self.index, ranked, plan, vocabulary=names, encode_ms=encode_ms, search_ms=search_ms, offset=offset
        )

    def _answer_many(
        self, asked: Asked, k: int, plan: SearchPlan, explain: bool, allow: npt.NDArray[Any] | None, offset: int
    ) -> list[SearchResponse]:
        """An answer for each query: encoded together, and searched side by side."""
        if not len(asked):
            return []
        queries, milliseconds = encode_asked(asked, self._encoders, plan.retrieve)

        def one(number: int) -> SearchResponse:
            text = asked.texts[number] or ""
            return self._answer(text, queries[number], k, plan, explain, allow, dict(milliseconds), offset)

        with executor(None) as workers:
            return list(workers.map(one, range(len(queries))))
