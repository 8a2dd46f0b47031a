"""sentence-transformers: search among the vectors of a `SparseEncoder`, and its evaluation, by an inverted index."""

from __future__ import annotations

import time
from typing import Any

from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.integrations.sparse_index import LsrSearchIndex

with needed("sentence-transformers", "sentence_transformers", "sentence-transformers"):
    from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

_DOT = "dot"

Found = list[list[dict[str, Any]]]
"""For each query, best first: `{"corpus_id": number of the document, "score": …}`."""


def semantic_search_lsr(
    query_embeddings: Any,
    corpus_embeddings: Any = None,
    corpus_index: LsrSearchIndex | None = None,
    top_k: int = 10,
    output_index: bool = False,
) -> tuple[Found, float] | tuple[Found, float, LsrSearchIndex]:
    """Search with sparse vectors, as sentence-transformers' `semantic_search_qdrant` and its like do.

    Scores are inner products, of weights that are stored in 24 bits. A document that shares no term with a query is not
    found by it.

    Args:
        query_embeddings: of torch, [n, dim] or [dim], sparse or dense, with weights above 0.
        corpus_embeddings: the documents'; they become the index.
        corpus_index: of an earlier call, instead.
        top_k: how many documents for a query, at most.
        output_index: whether to return the index, too.

    Returns:
        What is found, the seconds that the search took, and the index if it is asked for.
    """
    if corpus_index is None:
        if corpus_embeddings is None:
            raise InputError("give corpus_embeddings or corpus_index")
        corpus_index = LsrSearchIndex()
        corpus_index.add_documents(corpus_embeddings, [str(number) for number in range(corpus_embeddings.shape[0])])
        corpus_index.build()
    if query_embeddings.ndim == 1:
        query_embeddings = query_embeddings.unsqueeze(0)
    started = time.perf_counter()
    scores, numbers = corpus_index.search(query_embeddings, top_k)
    seconds = time.perf_counter() - started
    found = [
        [{"corpus_id": number, "score": score} for number, score in zip(row, given, strict=True)]
        for row, given in zip(numbers, scores, strict=True)
    ]
    return (found, seconds, corpus_index) if output_index else (found, seconds)


class LsrInformationRetrievalEvaluator(SparseInformationRetrievalEvaluator):
    """`SparseInformationRetrievalEvaluator`, which searches an index in place of scoring each query with each document.

    For models whose similarity is the inner product. Measures are the same; documents that share no term with a query
    come last, with the score 0, in the order of their ids.
    """

    def compute_all_metrics(
        self, model: Any, corpus_model: Any = None, corpus_embeddings: Any = None, output_path: str | None = None
    ) -> dict[str, Any]:
        """Encode, search and measure. InputError for another similarity, and for predictions that are to be written."""
        if self.score_function_names != [_DOT]:
            names = ", ".join(self.score_function_names)
            raise InputError(f"an index searches by the inner product, not by {names}", field="score_functions")
        if self.write_predictions:
            raise InputError("is for sentence-transformers' own evaluator", field="write_predictions")
        deepest = max(*self.mrr_at_k, *self.ndcg_at_k, *self.accuracy_at_k, *self.precision_recall_at_k, *self.map_at_k)
        queries = self.embed_inputs(
            model,
            self.queries,
            encode_fn_name="query",
            prompt_name=self.query_prompt_name,
            prompt=self.query_prompt,
        )
        index = LsrSearchIndex()
        if corpus_embeddings is not None:
            self._record_sparsity_stats(corpus_model or model, corpus_embeddings.cpu(), "corpus")
            index.add_documents(corpus_embeddings, self.corpus_ids)
        else:
            for start in range(0, len(self.corpus), self.corpus_chunk_size):
                part = slice(start, start + self.corpus_chunk_size)
                vectors = self.embed_inputs(
                    corpus_model or model,
                    self.corpus[part],
                    encode_fn_name="document",
                    prompt_name=self.corpus_prompt_name,
                    prompt=self.corpus_prompt,
                )
                index.add_documents(vectors, self.corpus_ids[part])
        scores, numbers = index.search(queries, deepest)
        by_id = sorted(self.corpus_ids)
        found = []
        for row, given in zip(numbers, scores, strict=True):
            ranked = {index.ids[number]: score for number, score in zip(row, given, strict=True)}
            for id in by_id if len(ranked) < deepest else ():
                if len(ranked) == deepest:
                    break
                ranked.setdefault(id, 0.0)
            found.append([{"corpus_id": id, "score": score} for id, score in ranked.items()])
        measured: dict[str, Any] = {_DOT: self.compute_metrics(found)}
        self.output_scores(measured[_DOT])
        return measured
