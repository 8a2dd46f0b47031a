"""The encoders that an index was made with, loaded when first needed and checked against what it records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import RLock
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.counted import counted
from lsr.core.errors import InputError, ModelError, Remedy
from lsr.core.remedies import CHOOSE_MODEL, CHOOSE_MODEL_ANYWAY, NAME_DENSE_MODEL, add_part_again
from lsr.encoding.lexical.queries import IndexWords
from lsr.encoding.lexical.settings import WORDS_ALONE, LexicalRecord
from lsr.encoding.sparse.rows import NOTHING, assemble
from lsr.index.fusion.query import HybridQuery, SparseQuery
from lsr.index.fusion.settings import RetrieveSettings
from lsr.search.gathering import Gathering, sparse_rows
from lsr.search.lexical import stored_lexical
from lsr.search.models import Models, encoder_of_part, of_model

if TYPE_CHECKING:
    from lsr.core.vocabulary import Vocabulary
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.index import Index
    from lsr.vectors.sparse import SparseVectors

# Number of documents at which half of the IDF that a model wants is used. Measured (benchmarks/idf_prior.py): up to 10
# documents, less is better, by up to 0.002 nDCG@10; from 30 on, more is. 10 is within 0.001 of the best at each.
_FEW = 10


@dataclass(frozen=True, slots=True)
class EncodedQueries:
    """Texts, and the vectors of them that a plan needs.

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
        given = " and ".join(side for side, vectors in sides.items() if vectors is not None)
        return f"EncodedQueries({counted(len(self), 'queries')}, {given})"

    def __getitem__(self, number: int) -> HybridQuery:
        return HybridQuery(
            None if self.sparse is None else self.sparse.row(number), None if self.dense is None else self.dense[number]
        )


class IndexEncoders:
    """Encoders for an index: sparse queries and documents, dense queries. Safe to use from several threads.

    Args:
        index: whose records say what to load.
        model, device, light, query_idf, threads: as for `lsr.search.retriever.Retriever.open`.
        gathers, models: as for `Retriever`.
    """

    def __init__(
        self,
        index: Index,
        *,
        model: str | None,
        device: str | None,
        light: bool,
        query_idf: float | None,
        threads: int | None = None,
        gathers: bool = False,
        models: Models | None = None,
    ) -> None:
        self._index, self._threads, self._gathers, self._models = index, threads, gathers, models or Models()
        self._model, self._device, self._light, self._query_idf = model, device, light, query_idf
        self._queries: SparseEncoder | None = None
        # As it was loaded, without the IDF of a collection.
        self._plain: SparseEncoder | None = None
        self._documents: SparseEncoder | None = None
        self._dense: DenseEncoder | None = None
        self._sparse_runs: Gathering[SparseQuery] | None = None
        self._dense_runs: Gathering[npt.NDArray[np.float32]] | None = None
        # Of documents without words, such as signs alone, an index has none, whatever was asked for.
        self._lexical = LexicalRecord.of_encoder(index.encoder) if "words" in index.parts else None
        if query_idf is not None and self.words_alone:
            raise InputError(f"is of models, and {WORDS_ALONE} is none: leave it out", field="query_idf")
        self._tuned = stored_lexical(index)
        self._words: IndexWords | None = None
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
                if self._plain is None:
                    self._plain = self._load_encoder(queries_only=self._light or query_side.get("kind") == "table")
                self._queries = self._with_idf(self._plain)
            return self._queries

    @queries.setter
    def queries(self, encoder: SparseEncoder) -> None:
        self._plain, self._sparse_runs = encoder, None
        self._queries = self._with_idf(encoder)

    def renewed(self, index: Index) -> IndexEncoders:
        """Those of a later snapshot of the same collection: the statistics are its own, models stay loaded.

        But for what was encoded anew since, by other models: these are loaded when they are first needed.
        """
        with self._loading:
            made = IndexEncoders(
                index,
                model=self._model,
                device=self._device,
                light=self._light,
                query_idf=self._query_idf,
                threads=self._threads,
                gathers=self._gathers,
                models=self._models,
            )
            if index.encoder == self._index.encoder:
                made._plain, made._documents = self._plain, self._documents
                made._sparse_runs = self._sparse_runs
            if encoder_of_part(index, "dense") == encoder_of_part(self._index, "dense"):
                made._dense, made._dense_runs = self._dense, self._dense_runs
            return made

    @property
    def documents(self) -> SparseEncoder:
        """The encoder of documents; the same object as for queries, unless these need no model or a light one."""
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
        self._dense, self._dense_runs = encoder, None

    @property
    def words(self) -> IndexWords | None:
        """The words that the index holds beside a model's terms, or None. IndexFormatError, ModelError as there."""
        with self._loading:
            if self._words is None and self._lexical is not None:
                names, counts = self._index.parts["words"], self._index.parts["terms"].of
                synonyms = self._index.manifest.synonyms or ()
                self._words = IndexWords(self._lexical, names, counts, self._index.documents.rows, synonyms)
            return self._words

    @property
    def words_alone(self) -> bool:
        """Whether the index holds words and no model's terms."""
        return (self._index.encoder or {}).get("model") == WORDS_ALONE and self._model is None

    @property
    def name(self) -> str | None:
        """See `Retriever.model`."""
        if self.words_alone:
            return WORDS_ALONE
        try:
            return self.queries.name
        except ModelError:
            return None

    @property
    def model_dim(self) -> int:
        """How many of the index's dimensions are a model's terms: the first ones."""
        return self._index.dim - len(self._index.parts.get("words") or ())

    def sparse_query(self, text: str, lexical_weight: float | None = None) -> SparseQuery:
        """The terms and the words of a query's text; `lexical_weight` is the words' (default: the index's)."""
        terms = NOTHING if self.words_alone else self._terms(text)
        return self._with_words(text, terms, lexical_weight)

    def _terms(self, text: str) -> SparseQuery:
        encoder = self.queries
        if not self._gathers or encoder.inference_free:
            return encoder.encode_queries([text]).row(0)
        with self._loading:
            if self._sparse_runs is None:
                self._sparse_runs = self._models.gathering(encoder, partial(sparse_rows, encoder), self._device)
            runs = self._sparse_runs
        return runs(text)

    def _dense_query(self, text: str) -> npt.NDArray[np.float32]:
        encoder = self.dense
        if not self._gathers:
            return encoder.encode_queries([text])[0]
        with self._loading:
            if self._dense_runs is None:
                self._dense_runs = self._models.gathering(encoder, encoder.encode_queries, self._device)
            runs = self._dense_runs
        return runs(text)

    def sparse_queries(
        self, texts: Sequence[str], ids: Sequence[str] | None = None, lexical_weight: float | None = None
    ) -> SparseVectors:
        """The same of many texts."""
        rows = [NOTHING] * len(texts)
        if not self.words_alone:
            encoded = self.queries.encode_queries(texts, ids)
            if not self.counts_words(lexical_weight):
                return self._widened(encoded)
            rows = [encoded.row(number) for number in range(len(encoded))]
        joined = [self._with_words(text, row, lexical_weight) for text, row in zip(texts, rows, strict=True)]
        return assemble(joined, [str(n) for n in range(len(texts))] if ids is None else ids, self._index.dim)

    def _widened(self, vectors: SparseVectors) -> SparseVectors:
        """The vectors of a model, over the terms of the index."""
        from lsr.vectors.sparse import SparseVectors

        parts = vectors.indptr, vectors.indices, vectors.weights, vectors.ids
        return vectors if vectors.dim == self._index.dim else SparseVectors(*parts, self._index.dim, validate=False)

    def sparse_documents(self, texts: Sequence[str]) -> SparseVectors:
        """The terms and the words of texts, weighed as documents' are."""
        rows = [NOTHING] * len(texts)
        if not self.words_alone:
            encoded = self.documents.encode_documents(texts)
            if self.words is None:
                return encoded
            rows = [encoded.row(number) for number in range(len(encoded))]
        held = [NOTHING if self.words is None else self.words.document(text) for text in texts]
        joined = [_joined(row, words) for row, words in zip(rows, held, strict=True)]
        return assemble(joined, [str(number) for number in range(len(texts))], self._index.dim)

    def counts_words(self, weight: float | None) -> bool:
        """Whether queries get words beside a model's terms, with this weight (None: the index's)."""
        if self._lexical is None and weight:
            raise InputError("this index holds no words to weigh: build it with them", field="lexical_weight")
        if self._lexical is None or self.words_alone:
            return False
        return bool(self.lexical_weight if weight is None else weight)

    @property
    def lexical_weight(self) -> float | None:
        """How much words count where a search does not say; None in an index without words."""
        if self._lexical is None:
            return None
        return self._lexical.settings.weight if self._tuned is None else self._tuned.weight

    def _with_words(self, text: str, terms: SparseQuery, weight: float | None) -> SparseQuery:
        counts = self.words_alone or self.counts_words(weight)
        # Of a collection that was made empty, no document may have one yet.
        if not counts or self.words is None:
            return terms
        words = self.words.query(text, self.lexical_weight if weight is None else weight)
        return words if self.words_alone else _joined(terms, words)

    def encode_query(
        self, text: str, retrieve: RetrieveSettings, given: HybridQuery = HybridQuery()
    ) -> tuple[HybridQuery, dict[str, float]]:
        """The vectors of a text that a search asks for and that were not `given`, and the milliseconds of each."""
        sparse, dense, milliseconds = given.sparse, given.dense, {}
        start = perf_counter()
        if retrieve.needs_sparse and sparse is None:
            sparse = self.sparse_query(text, retrieve.lexical_weight)
            milliseconds["encode sparse"] = (perf_counter() - start) * 1e3
        if retrieve.needs_dense and dense is None:
            start = perf_counter()
            dense = self._dense_query(text)
            milliseconds["encode dense"] = (perf_counter() - start) * 1e3
        return HybridQuery(sparse, dense), milliseconds

    def encode_queries(
        self,
        texts: Sequence[str],
        ids: Sequence[str],
        retrieve: RetrieveSettings,
        dense: npt.NDArray[np.float32] | None = None,
        sparse: SparseVectors | None = None,
    ) -> EncodedQueries:
        """The vectors of many texts that a search asks for; `dense` and `sparse` are those that were given."""
        if retrieve.needs_sparse and sparse is None:
            sparse = self.sparse_queries(texts, ids, retrieve.lexical_weight)
        if retrieve.needs_dense and dense is None:
            dense = self.dense.encode_queries(texts)
        return EncodedQueries(ids, texts, sparse, dense)

    def _load_dense_encoder(self) -> DenseEncoder:
        from lsr.encoding.dense.encoder import DenseEncoder

        record = self._index.parts["dense"].record.encoder
        if record is None:
            raise ModelError("this index does not say which model made its dense vectors", remedies=[NAME_DENSE_MODEL])
        again = [add_part_again("dense", self._index.path)]
        options: dict[str, Any] = {"device": self._device, "threads": self._threads}
        load = partial(DenseEncoder.of_record, record, remedies=again, **options)
        return self._models.shared("dense", record, options, load=load)

    def _load_encoder(self, *, queries_only: bool) -> SparseEncoder:
        from lsr.encoding.shared.recorded import recorded_options
        from lsr.encoding.sparse.encoder import SparseEncoder

        record = self._index.encoder
        if self.words_alone:
            raise ModelError("this index holds words alone, and no model's terms")
        if self._model is None and record is None:
            raise ModelError(
                "this index was made from vectors and names no model",
                remedies=["search it by vector", CHOOSE_MODEL],
            )
        options: dict[str, Any] = {
            "device": self._device,
            "queries_only": queries_only,
            "light": self._light,
            "threads": self._threads,
        }
        # A model that was asked for by name may differ on purpose; the recorded one must not have changed unnoticed.
        if self._model is None:
            assert record is not None
            remedies: list[Remedy | str] = ["build the index again", CHOOSE_MODEL_ANYWAY]
            load = partial(SparseEncoder.of_record, record, remedies=remedies, **options)
            encoder = self._models.shared("sparse", of_model(record), options, load=load)
        else:
            encoder = SparseEncoder.load(self._model, **recorded_options(record or {}), **options)
        if encoder.dim != self.model_dim:
            raise ModelError(
                f"model {encoder.name} has {encoder.dim:,} terms, the index {self.model_dim:,}: it is not the model "
                "that made this index"
            )
        return encoder

    def _with_idf(self, encoder: SparseEncoder) -> SparseEncoder:
        """The encoder with the collection's IDF blended into its query table, if its model or the caller wants it."""
        frequencies = self._index.parts["terms"].tokens
        if not encoder.inference_free or frequencies is None:
            if self._query_idf is not None:
                why = "this index does not say in how many texts a term stands"
                if not encoder.inference_free:
                    why = f"the model {encoder.name} weighs the terms of each query itself, and has no table of them"
                raise InputError(f"has no use here, for {why}: leave it out", field="query_idf")
            return encoder
        count = self._index.documents.rows
        blend = encoder.query_idf * count / (count + _FEW) if self._query_idf is None else self._query_idf
        if not blend:
            return encoder
        from lsr.encoding.sparse.idf import inverse_document_frequency

        idf = inverse_document_frequency(frequencies[: self.model_dim], count)
        return encoder.with_query_idf(idf, blend)


@dataclass(frozen=True, slots=True)
class QueryEncoder:
    """Encodes queries as a search of an index does, without weights of a search's own.

    Attributes:
        vocabulary: the index's.
    """

    encoders: IndexEncoders
    vocabulary: Vocabulary

    def encode_queries(
        self, texts: Sequence[str], ids: Sequence[str] | None = None, *, top_k: int | None = None
    ) -> SparseVectors:
        """As `SparseEncoder.encode_queries`, over the terms of the index."""
        vectors = self.encoders.sparse_queries(texts, ids)
        return vectors if top_k is None else vectors.top_k(top_k)


def _joined(terms: SparseQuery, words: SparseQuery) -> SparseQuery:
    return np.concatenate([terms[0], words[0]]), np.concatenate([terms[1], words[1]])
