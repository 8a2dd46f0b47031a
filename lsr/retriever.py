"""Text in, ranked documents out: an index together with the encoder that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lsr.documents import Document
from lsr.errors import InputError, ModelError
from lsr.explanation import Explanation, TermMatch, explain_match

if TYPE_CHECKING:
    from lsr.encoder import SparseEncoder
    from lsr.index import Index, SearchStats
    from lsr.vocabulary import Vocabulary


# Documents of which half of the IDF that a model wants is believed. Measured (benchmarks/idf_prior.py): up to 10
# documents, less of it is better, by up to 0.002 nDCG@10; from 30 on, more is. 10 is within 0.001 of the best at each.
_FEW = 10


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer. `matches` holds the shared terms, largest contribution first, if they were asked for."""

    rank: int
    id: str
    score: float
    document: Document
    matches: list[TermMatch] | None = None


@dataclass(frozen=True, slots=True)
class SearchResponse:
    """Ranked hits with what the search did and how long each half took, in milliseconds."""

    hits: list[Hit]
    stats: SearchStats
    encode_ms: float
    search_ms: float


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
        self._query_idf = query_idf
        self._model = model
        self._device = device
        self._light = light
        self._encoder: SparseEncoder | None = None
        self._document_encoder: SparseEncoder | None = None
        self._loading = RLock()

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
        """The `k` best documents for a text; fewer if fewer share a term with it, none for a text without terms.

        `mode`, `recall`, `allow` and `parameters` are those of `Index.search`.
        """
        start = perf_counter()
        terms, weights = self._encode_query(text)
        encode_ms = (perf_counter() - start) * 1e3
        options = {"mode": mode, "recall": recall, "allow": allow, **parameters}
        return self._search(terms, weights, k, explain, encode_ms, options)

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
        """Why the document scores what it scores for the text. Raises NotFoundError."""
        row = self.index.row(document_id)
        return explain_match(self._encode_query(text), self.index.vector(row), self.vocabulary)

    def encode(
        self, text: str, kind: Literal["query", "document"] = "query", top_k: int | None = None
    ) -> dict[str, float]:
        """The text's term weights, heaviest first."""
        encoder = self.encoder if kind == "query" else self.document_encoder
        encode = encoder.encode_queries if kind == "query" else encoder.encode_documents
        return dict(encoder.decode(encode([text], top_k=top_k))[0])

    def warm_up(self) -> None:
        """Compile the kernels, load the encoder and run both once: the first real query is then as fast as the next."""
        self.index.warm_up()
        if self.index.encoder is not None or self._model is not None:
            self._encode_query("warm up")
            _ = self.vocabulary  # read from disk on first use

    # -- parts -------------------------------------------------------------------------------------------------------

    @property
    def vocabulary(self) -> Vocabulary:
        """The index's terms, or the encoder's where the index was made from bare vectors."""
        return self.index.vocabulary or self.encoder.vocabulary

    @property
    def encoder(self) -> SparseEncoder:
        """The encoder of queries. Raises ModelError if there is none, or if it is not the one that made the index."""
        with self._loading:
            if self._encoder is None:
                query_side = (self.index.encoder or {}).get("query", {})
                loaded = self._load_encoder(queries_only=self._light or query_side.get("kind") == "table")
                self._encoder = self._with_idf(loaded)
            return self._encoder

    @encoder.setter
    def encoder(self, encoder: SparseEncoder) -> None:
        self._encoder = self._with_idf(encoder)

    @property
    def document_encoder(self) -> SparseEncoder:
        """The encoder of documents: the same object unless queries need no model, or a light one."""
        if not self.encoder.inference_free and not self._light:
            return self.encoder
        with self._loading:
            if self._document_encoder is None:
                self._document_encoder = self._load_encoder(queries_only=False)
            return self._document_encoder

    def _load_encoder(self, *, queries_only: bool) -> SparseEncoder:
        from lsr.encoder import SparseEncoder

        record = self.index.encoder
        name = self._model or (str(record["model"]) if record else None)
        if name is None:
            raise ModelError(
                "this index was made from vectors and names no model: search it by vector, or pass --model with the "
                "model that made them"
            )
        options = {}
        if record is not None:
            options = {key: record[key] for key in ("max_length", "special_tokens", "window_overlap")}
            options |= {key: record["query"][key] for key in ("pooling", "activation") if key in record["query"]}
        encoder = SparseEncoder.load(name, device=self._device, queries_only=queries_only, light=self._light, **options)
        if encoder.dim != self.index.dim:
            raise ModelError(
                f"model {encoder.name} has {encoder.dim:,} terms, the index {self.index.dim:,}: it is not the model "
                "that made this index"
            )
        # A model that was asked for by name may differ on purpose; the recorded one must not have changed unnoticed.
        if self._model is None and record is not None and encoder.settings()["query"] != record["query"]:
            raise ModelError(
                f"the model at {encoder.name} is not the one that made this index (weights or configuration changed); "
                "index anew, or pass --model to search with it all the same"
            )
        return encoder

    def _with_idf(self, encoder: SparseEncoder) -> SparseEncoder:
        """The encoder with the collection's IDF in its query table, as far as its model, or the caller, wants it."""
        frequencies = self.index.token_frequencies
        if not encoder.inference_free or frequencies is None:
            return encoder
        count = len(self.index)
        blend = encoder.query_idf * count / (count + _FEW) if self._query_idf is None else self._query_idf
        if not blend:
            return encoder
        from lsr.encoding.idf import inverse_document_frequency

        return encoder.with_query_idf(inverse_document_frequency(frequencies, count), blend)

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
        start = perf_counter()
        found = self.index.search(terms, weights, k, **options)
        search_ms = (perf_counter() - start) * 1e3
        hits = []
        for rank, (row, score) in enumerate(zip(found.rows.tolist(), found.scores.tolist(), strict=True), start=1):
            document = self.index.document_at(row)
            matches = (
                explain_match((terms, weights), self.index.vector(row), self.vocabulary).matches if explain else None
            )
            hits.append(Hit(rank, document.id, score, document, matches))
        return SearchResponse(hits, found.stats, encode_ms, search_ms)
