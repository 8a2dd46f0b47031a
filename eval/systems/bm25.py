"""The BM25 baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.core.progress import Stages
from lsr.eval.collections import TestCollection
from lsr.eval.extras import require
from lsr.eval.matching import check_documents
from lsr.eval.measures.latency import Latency, time_each
from lsr.eval.runs import Ranking, Run
from lsr.eval.systems.settings import EvaluationSettings
from lsr.eval.systems.system import Answered
from lsr.text import count_documents

_EMPTY = Ranking([], np.empty(0, dtype=np.float32))


class Bm25:
    """BM25 in Lucene's variant with k1 = 1.2 and b = 0.75, scored by bm25s (Lù 2024).

    The text is a document's `contents`, title and text as one field: in lower case, words of two or more characters,
    without bm25s's 33 English stop words, then stemmed by the English Snowball stemmer. Among the variants that
    Kamphuis et al. (ECIR 2020) compare, this is "Lucene (accurate)", with exact document lengths. Only postings and ids
    stay in memory.

    Raises MissingDependencyError without the `eval` extra, InputError for an empty corpus.
    """

    def __init__(self, documents: Iterable[Document], *, progress: Callable[[int], None] | None = None) -> None:
        bm25s = require("bm25s")
        self._tokenize = bm25s.tokenize
        self._stemmer = require("Stemmer").Stemmer("english")
        self.ids: list[str] = []
        tokens = self._tokens(self._contents(documents, progress), return_ids=True)
        if not self.ids:
            raise InputError("the corpus is empty: there is nothing to search")
        self._scorer = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        self._has_words = bool(tokens.vocab)
        if self._has_words:
            self._scorer.index(tokens, show_progress=False)

    @staticmethod
    def settings() -> dict[str, Any]:
        """The variant, for reports: BM25's averages differ more between variants than those of most models do."""
        from importlib.metadata import version

        return {
            "package": f"bm25s {version('bm25s')}",
            "method": "lucene",
            "k1": 1.2,
            "b": 0.75,
            "stemmer": "english (Snowball)",
            "stop_words": "english",
            "text": "title and text as one field",
        }

    def search(self, text: str, k: int = 10) -> Ranking:
        """Search for the `k` best documents (ties: the order of the corpus), never one without a common word."""
        words = self._tokens([text], return_ids=False)[0]
        if not words or not self._has_words:
            return _EMPTY
        scores = self._scorer.get_scores(words)
        rows = _best(scores, k)
        return Ranking([self.ids[row] for row in rows.tolist()], scores[rows])

    def _contents(self, documents: Iterable[Document], progress: Callable[[int], None] | None) -> Iterator[str]:
        for document in documents:
            self.ids.append(document.id)
            yield document.contents
            if progress:
                progress(1)

    def _tokens(self, texts: Iterable[str], *, return_ids: bool) -> Any:
        return self._tokenize(
            texts, stopwords="english", stemmer=self._stemmer, return_ids=return_ids, show_progress=False
        )


def answer_with_bm25(collection: TestCollection, settings: EvaluationSettings, stages: Stages) -> Answered:
    """Answer with BM25: index the collection, search the judged queries, time the first of them."""
    queries = collection.asked()
    with stages("indexing for BM25", count_documents(collection.source), "documents") as progress:
        bm25 = Bm25(collection.documents(), progress=progress)
    known = set(bm25.ids)
    notes = check_documents(collection, known.__contains__, lambda: bm25.ids[0], len(known))
    run: Run = {}
    with stages("searching with BM25", len(queries), "queries") as progress:
        for query in queries:
            run[query.id] = settings.cut(bm25.search(query.text, settings.depth), query.id)
            progress(1)

    def once(query: Query) -> tuple[float]:
        start = perf_counter()
        bm25.search(query.text, settings.latency_k)
        return (perf_counter() - start,)

    times = time_each(queries[: settings.latency_queries], once, "timing BM25", stages)
    latency = {"total": Latency.of([seconds for (seconds,) in times])}
    return Answered("BM25", run, latency, documents=len(bm25.ids), variant=bm25.settings(), notes=notes)


def _best(scores: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    """Rows of the `k` largest positive scores, largest first, ties by row."""
    rows = np.flatnonzero(scores > 0)
    if len(rows) > k:
        positive = scores[rows]
        least = np.partition(positive, -k)[-k]
        above, equal = rows[positive > least], rows[positive == least]
        rows = np.concatenate([above, equal[: k - len(above)]])
    return rows[np.lexsort((rows, -scores[rows]))]
