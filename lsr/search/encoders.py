"""The encoders that an index was made with, loaded when they are first needed and held to what it records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lsr.core.errors import ModelError
from lsr.core.remedies import CHOOSE_MODEL, CHOOSE_MODEL_ANYWAY, NAME_DENSE_MODEL, add_part_again
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.settings import RetrieveSettings

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index
    from lsr.vectors.sparse import SparseVectors

# Documents of which half of the IDF that a model wants is believed. Measured (benchmarks/idf_prior.py): up to 10
# documents, less of it is better, by up to 0.002 nDCG@10; from 30 on, more is. 10 is within 0.001 of the best at each.
_FEW = 10


@dataclass(frozen=True, slots=True)
class EncodedQueries:
    """Texts and the vectors that a plan asks for.

    Attributes:
        ids, texts: [n]; "" for the text of a query of which there are only vectors.
        sparse: a row for each text, or None where the sparse index is not searched.
        dense: float32 [n, dim], or None where dense vectors are not.
    """

    ids: Sequence[str]
    texts: Sequence[str]
    sparse: SparseVectors | None
    dense: npt.NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        sides = {"sparse": self.sparse, "dense": self.dense}
        return f"EncodedQueries({len(self):,} queries, {' and '.join(s for s, v in sides.items() if v is not None)})"

    def __getitem__(self, number: int) -> HybridQuery:
        return HybridQuery(
            None if self.sparse is None else self.sparse.row(number), None if self.dense is None else self.dense[number]
        )


class IndexEncoders:
    """Encoders for an index: sparse queries and documents, dense queries. Safe to use from several threads.

    Args:
        index: whose records say what to load.
        model, device, light, query_idf: as for `lsr.search.retriever.Retriever.open`.
    """

    def __init__(
        self, index: Index, *, model: str | None, device: str | None, light: bool, query_idf: float | None
    ) -> None:
        self._index = index
        self._model, self._device, self._light, self._query_idf = model, device, light, query_idf
        self._queries: SparseEncoder | None = None
        self._documents: SparseEncoder | None = None
        self._dense: DenseEncoder | None = None
        self._loading = RLock()

    @property
    def has_queries(self) -> bool:
        """Whether an encoder of queries is loaded, or was given."""
        return self._queries is not None

    @property
    def queries(self) -> SparseEncoder:
        """The encoder of queries. Raises ModelError if there is none, or if it is not the one that made the index."""
        with self._loading:
            if self._queries is None:
                query_side = (self._index.encoder or {}).get("query", {})
                loaded = self._load_encoder(queries_only=self._light or query_side.get("kind") == "table")
                self._queries = self._with_idf(loaded)
            return self._queries

    @queries.setter
    def queries(self, encoder: SparseEncoder) -> None:
        self._queries = self._with_idf(encoder)

    @property
    def documents(self) -> SparseEncoder:
        """The encoder of documents: the same object unless queries need no model, or a light one."""
        if not self.queries.inference_free and not self._light:
            return self.queries
        with self._loading:
            if self._documents is None:
                self._documents = self._load_encoder(queries_only=False)
            return self._documents

    @property
    def dense(self) -> DenseEncoder:
        """The encoder of dense queries. Raises InputError if the index has no dense part, ModelError as `encoder`."""
        with self._loading:
            if self._dense is None:
                self._dense = self._load_dense_encoder()
            return self._dense

    @dense.setter
    def dense(self, encoder: DenseEncoder) -> None:
        self._dense = encoder

    def encode_query(
        self, text: str, retrieve: RetrieveSettings, given: HybridQuery = HybridQuery()
    ) -> tuple[HybridQuery, dict[str, float]]:
        """The vectors of a text that a search asks for and that were not `given`, and the milliseconds of each."""
        sparse, dense, milliseconds = given.sparse, given.dense, {}
        start = perf_counter()
        if retrieve.needs_sparse and sparse is None:
            sparse = self.queries.encode_queries([text]).row(0)
            milliseconds["encode sparse"] = (perf_counter() - start) * 1e3
        if retrieve.needs_dense and dense is None:
            start = perf_counter()
            dense = self.dense.encode_queries([text])[0]
            milliseconds["encode dense"] = (perf_counter() - start) * 1e3
        return HybridQuery(sparse, dense), milliseconds

    def encode_queries(
        self,
        texts: Sequence[str],
        ids: Sequence[str],
        retrieve: RetrieveSettings,
        dense: npt.NDArray[np.float32] | None = None,
    ) -> EncodedQueries:
        """The vectors of many texts that a search asks for; `dense` are those that were given."""
        sparse = self.queries.encode_queries(texts, ids) if retrieve.needs_sparse else None
        if retrieve.needs_dense and dense is None:
            dense = self.dense.encode_queries(texts)
        return EncodedQueries(ids, texts, sparse, dense)

    def _load_dense_encoder(self) -> DenseEncoder:
        from lsr.encoding.dense.encoder import DenseEncoder

        record = self._index.parts["dense"].record.encoder
        if record is None:
            raise ModelError("the dense vectors of this index came without a model", remedies=[NAME_DENSE_MODEL])
        options = {key: record[key] for key in ("max_length", "query_prompt", "document_prompt")}
        encoder = DenseEncoder.load(str(record["model"]), device=self._device, **options)
        # What is computed in may differ: a server need not be the machine that encoded the documents.
        if {**encoder.settings(), "dtype": None} != {**record, "dtype": None}:
            raise ModelError(
                f"the dense model at {encoder.name} is not the one that made this index's dense vectors (weights or "
                "configuration changed)",
                remedies=[add_part_again("dense", self._index.path)],
            )
        return encoder

    def _load_encoder(self, *, queries_only: bool) -> SparseEncoder:
        from lsr.encoding.sparse.encoder import SparseEncoder

        record = self._index.encoder
        name = self._model or (str(record["model"]) if record else None)
        if name is None:
            raise ModelError(
                "this index was made from vectors and names no model",
                remedies=["search it by vector", CHOOSE_MODEL],
            )
        options = {}
        if record is not None:
            options = {key: record[key] for key in ("max_length", "special_tokens", "window_overlap")}
            options |= {key: record["query"][key] for key in ("pooling", "activation") if key in record["query"]}
        encoder = SparseEncoder.load(name, device=self._device, queries_only=queries_only, light=self._light, **options)
        if encoder.dim != self._index.dim:
            raise ModelError(
                f"model {encoder.name} has {encoder.dim:,} terms, the index {self._index.dim:,}: it is not the model "
                "that made this index"
            )
        # A model that was asked for by name may differ on purpose; the recorded one must not have changed unnoticed.
        if self._model is None and record is not None and encoder.settings()["query"] != record["query"]:
            raise ModelError(
                f"the model at {encoder.name} is not the one that made this index (weights or configuration changed)",
                remedies=["build the index again", CHOOSE_MODEL_ANYWAY],
            )
        return encoder

    def _with_idf(self, encoder: SparseEncoder) -> SparseEncoder:
        """The encoder with the collection's IDF in its query table, as far as its model, or the caller, wants it."""
        frequencies = self._index.parts["terms"].tokens
        if not encoder.inference_free or frequencies is None:
            return encoder
        count = len(self._index)
        blend = encoder.query_idf * count / (count + _FEW) if self._query_idf is None else self._query_idf
        if not blend:
            return encoder
        from lsr.encoding.sparse.idf import inverse_document_frequency

        return encoder.with_query_idf(inverse_document_frequency(frequencies, count), blend)
