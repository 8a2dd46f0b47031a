"""SparseEncoder: text in, sparse vectors out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import count, kind_of, list_of_texts, texts_of
from lsr.core.chunks import chunks
from lsr.core.documents import is_blank
from lsr.core.errors import InputError, ModelError, Remedy
from lsr.core.vocabulary import Vocabulary
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.shared.folder import fingerprint_bytes
from lsr.encoding.shared.recorded import check_recorded, locate_recorded, recorded_options
from lsr.encoding.shared.tally import TextReport
from lsr.encoding.shared.tokens import MOST_TOKENS, TextTokenizer, characters, check_texts
from lsr.encoding.sparse.idf import blend_tables, checked_idf, token_frequencies
from lsr.encoding.sparse.layout import read_spec
from lsr.encoding.sparse.loading import find_sparse, load_towers
from lsr.encoding.sparse.rows import NOTHING, assemble
from lsr.encoding.sparse.spec import ModelSpec, TableSpec
from lsr.vectors.decoding import decode
from lsr.vectors.explanation import Explanation, explain_match
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.sparse.loading import Tower

# Texts tokenised and sorted by length together: enough to leave little padding, few enough to bound memory.
_CHUNK, _CHUNK_CHARACTERS = 1024, 1 << 23


class SparseEncoder:
    """Encodes documents and queries as sparse vectors over a vocabulary of terms.

    Make one with `load`. The two sides may differ: an inference-free model runs a transformer over documents and looks
    up query terms in a table. Safe to use from several threads.

    Attributes:
        name: the short name, hub name or absolute path it was loaded from.
        spec: the description of the model and its two sides.
        dim: the number of terms.
        max_length: tokens read of a text, special tokens included.
        inference_free: whether queries need no run of a model.
    """

    def __init__(
        self,
        name: str,
        spec: ModelSpec,
        *,
        document_tower: Tower | None,
        query_tower: Tower,
        max_length: int | None = None,
        special_tokens: bool = True,
        window_overlap: int | None = None,
    ) -> None:
        self.name = name
        self.special_tokens = special_tokens
        self.window_overlap = window_overlap
        self.spec = spec
        self._query_idf: dict[str, Any] | None = None
        self._document_tower, self._query_tower = document_tower, query_tower
        self.tally = (document_tower or query_tower).tokenizer.tally
        self.dim = (document_tower or query_tower).dim
        self.max_length = max_length or spec.document.max_length
        if query_tower.dim != self.dim:
            raise ModelError(f"{name}: queries have {query_tower.dim} terms and documents {self.dim}")

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = DEFAULT_MODEL,
        *,
        max_length: int | None = None,
        device: str | None = None,
        dtype: str = "auto",
        queries_only: bool = False,
        light: bool = False,
        special_tokens: bool = True,
        window_overlap: int | None = None,
        pooling: str | None = None,
        activation: str | None = None,
        threads: int | None = None,
    ) -> SparseEncoder:
        """Load a model strictly: anything that doesn't fit raises a ModelError that names it.

        Args:
            name_or_path: a packaged model's short name, a folder (a bare masked or causal language model, a
                sentence-transformers SparseEncoder, with or without Router, or what `save_encoder` wrote), or ORG/NAME
                on the Hugging Face hub.
            max_length: tokens read of each text; what the model records if not given, at most 512, and 256 where it
                records nothing. A query side that is a model of its own never reads more than its own limit.
            device: "cpu", "cuda", "cuda:1", "mps"; if not given, a CUDA GPU where there is one, else the CPU.
            dtype: what the transformer computes in: "float32", "bfloat16", or "auto", which takes bfloat16 where the
                hardware multiplies in it and the transformer is large enough to gain (from BERT-mini on, not
                BERT-tiny). In bfloat16, vectors differ by about 1 % in the L2 norm. The projection to the vocabulary
                gives float32's result either way, and on such hardware at bfloat16's speed.
            queries_only: leave out what only documents need. With an inference-free model this imports neither torch
                nor transformers.
            light: with queries_only, run a small BERT in numpy: a few queries are encoded before torch would have been
                imported, and weights agree to about six digits. Other models load as without it.
            special_tokens: pool over [CLS] and [SEP] too, as the model was trained; False leaves them out.
            window_overlap: read documents longer than max_length in windows that share this many tokens, and merge them
                by each term's largest weight. Without it, they are cut.
            pooling, activation: replace what the folder records ("max" or "sum"; "relu" or "log1p_relu").
            threads: that the model computes on, and every other model of this process, for torch has one number; as
                many as there are processors for this process if not given, and never more.
        """
        name, folder = find_sparse(name_or_path)
        return cls._load(
            name,
            read_spec(folder).override(pooling, activation),
            max_length=max_length,
            device=device,
            dtype=dtype,
            queries_only=queries_only,
            light=light,
            special_tokens=special_tokens,
            window_overlap=window_overlap,
            threads=threads,
        )

    @classmethod
    def of_record(
        cls,
        record: Mapping[str, Any],
        *,
        device: str | None = None,
        dtype: str = "auto",
        queries_only: bool = False,
        light: bool = False,
        threads: int | None = None,
        remedies: Sequence[Remedy | str] = (),
    ) -> SparseEncoder:
        """Load the encoder whose `settings` these are.

        ModelError, before its weights are read, if its model is not here any more or would give other vectors now, with
        these `remedies` for that. A model of the Hugging Face hub is taken from the cache here, never downloaded.
        """
        name, folder = locate_recorded(record)
        options = recorded_options(record)
        spec = read_spec(folder).override(options.pop("pooling", None), options.pop("activation", None))
        described = {"query": spec.query.describe()}
        if not queries_only:
            one = spec.document == spec.query
            described["document"] = described["query"] if one else spec.document.describe()
        check_recorded(name, described, record, "this index", remedies)
        return cls._load(
            name, spec, device=device, dtype=dtype, queries_only=queries_only, light=light, threads=threads, **options
        )

    @classmethod
    def _load(
        cls,
        name: str,
        spec: ModelSpec,
        *,
        max_length: int | None,
        special_tokens: bool,
        window_overlap: int | None,
        **options: Any,
    ) -> SparseEncoder:
        document, query = load_towers(
            spec, max_length=max_length, special_tokens=special_tokens, overlap=window_overlap, **options
        )
        return cls(
            name,
            spec,
            document_tower=document,
            query_tower=query,
            max_length=max_length,
            special_tokens=special_tokens,
            window_overlap=window_overlap,
        )

    @property
    def inference_free(self) -> bool:
        return isinstance(self.spec.query, TableSpec)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer's tokens; an output of the model's head without a token is named "[unused:ID]"."""
        return (self._document_tower or self._query_tower).tokenizer.vocabulary(self.dim)

    # -- encoding ----------------------------------------------------------------------------------------------------

    def encode_documents(
        self,
        texts: Iterable[str],
        ids: Sequence[str] | None = None,
        *,
        top_k: int | None = None,
        batch_size: int = 64,
        progress: Callable[[int], None] | None = None,
    ) -> SparseVectors:
        """Encode documents, in their order; ids default to "0", "1", …. A blank text gives a row without terms.

        Texts are read as they come, about a thousand ahead. `top_k` keeps each document's heaviest terms, as a model
        may do of itself. `batch_size` bounds the texts in one run of the model, which takes fewer where they are long.
        `progress` is called with the number of texts just finished. InputError if a text is not a string, or an id is
        missing or comes twice.
        """
        if self._document_tower is None:
            raise ModelError(f"{self.name} was loaded with queries_only=True, so it cannot encode documents")
        return self._encode(self._document_tower, texts, ids, top_k, batch_size, progress)

    def encode_queries(
        self,
        texts: Iterable[str],
        ids: Sequence[str] | None = None,
        *,
        top_k: int | None = None,
        batch_size: int = 64,
        progress: Callable[[int], None] | None = None,
    ) -> SparseVectors:
        """Encode queries, like `encode_documents` but with the query side of the model and never in windows."""
        return self._encode(self._query_tower, texts, ids, top_k, batch_size, progress)

    def _encode(
        self,
        tower: Tower,
        texts: Iterable[str],
        ids: Sequence[str] | None,
        top_k: int | None,
        batch_size: int,
        progress: Callable[[int], None] | None,
    ) -> SparseVectors:
        texts, ids = texts_of(texts), None if ids is None else list_of_texts(ids, "ids")
        batch_size = count(batch_size, "batch_size")
        top_k = None if top_k is None else count(top_k, "top_k", least=0)
        limits = [limit for limit in (top_k, tower.top_k) if limit is not None]
        parts, done = [], 0
        for chunk in chunks(texts, _CHUNK, _CHUNK_CHARACTERS, characters):
            check_texts(chunk, done)
            rows = tower.encode(chunk, batch_size=batch_size, progress=progress)
            # A model makes some terms of nothing at all, by which real questions would find it.
            rows = [NOTHING if is_blank(text) else row for text, row in zip(chunk, rows, strict=True)]
            part = assemble(rows, [str(row) for row in range(done, done + len(rows))], tower.dim)
            parts.append(part.top_k(min(limits)) if limits else part)
            done += len(rows)
        vectors = parts[0] if len(parts) == 1 else SparseVectors.concatenate(parts or [SparseVectors.empty(tower.dim)])
        if ids is None:
            return vectors
        if len(ids) != done:
            raise InputError(f"{done} texts came with {len(ids)} ids; give one for each")
        return SparseVectors(vectors.indptr, vectors.indices, vectors.weights, ids, vectors.dim)

    # -- reading vectors ---------------------------------------------------------------------------------------------

    def decode(self, vectors: SparseVectors, top_k: int | None = None) -> list[list[tuple[str, float]]]:
        """Each vector as (term, weight) pairs, heaviest first; the `top_k` heaviest if given.

        InputError for what are no SparseVectors, and for vectors of more terms than the vocabulary has.
        """
        if not isinstance(vectors, SparseVectors):
            raise InputError(f"give SparseVectors, as encode_documents returns them, not {kind_of(vectors)}")
        top_k = None if top_k is None else count(top_k, "top_k", least=0)
        if vectors.dim > self.dim:
            raise InputError(f"vectors of {vectors.dim} terms cannot be decoded with a vocabulary of {self.dim}")
        return decode(vectors, self.vocabulary, top_k)

    def explain(self, query: str, document: str) -> Explanation:
        """Score a query against a document, with what each shared term adds."""
        asked, read = self.encode_queries([query]).row(0), self.encode_documents([document]).row(0)
        return explain_match(asked, read, self.vocabulary)

    def text_report(self) -> TextReport:
        """What has been read of documents so far: how many were cut, how much of them the model knows."""
        return (self._document_tower or self._query_tower).tokenizer.report()

    def look_at(self, texts: Sequence[str]) -> None:
        """Count documents in `text_report` without encoding them."""
        (self._document_tower or self._query_tower).tokenizer.encode(texts)

    # -- describing and saving ---------------------------------------------------------------------------------------

    def settings(self) -> dict[str, Any]:
        """Everything that decides the vectors, as JSON values; equal settings give equal vectors.

        Weights and tokenizer appear as a hash of their files. "dtype" is what the transformer computes in, None
        if only a table of query weights was loaded; everything else is the same for `queries_only`.
        """
        document, query = self._descriptions
        return {
            "model": self.name,
            "dim": self.dim,
            "max_length": self.max_length,
            "special_tokens": self.special_tokens,
            "window_overlap": self.window_overlap,
            "dtype": (self._document_tower or self._query_tower).dtype,
            "document": document,
            "query": query,
        }

    @cached_property
    def _descriptions(self) -> tuple[dict[str, Any], dict[str, Any]]:
        document, query = self.spec.document, self.spec.query
        described = document.describe()
        queries = described if query == document else query.describe()
        return described, queries if self._query_idf is None else {**queries, "idf": self._query_idf}

    # -- adapting ----------------------------------------------------------------------------------------------------

    @property
    def query_idf(self) -> float:
        """How much of a query's weights the model takes from the IDF of the searched collection, 0 to 1."""
        query = self.spec.query
        return query.idf if isinstance(query, TableSpec) else 0.0

    @property
    def query_table(self) -> npt.NDArray[np.float32]:
        """The weight of each token in a query: float32, as many as the tokenizer has tokens, or more.

        ModelError if queries take a model run.
        """
        from lsr.encoding.sparse.static import StaticTower

        if not isinstance(self._query_tower, StaticTower):
            raise ModelError(f"{self.name} runs a model for queries: there is no table of weights")
        return self._query_tower.table

    def token_frequencies(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """How many of the texts contain each token of the query table, reading long texts whole: int64 [dim].

        Summed over a collection, `lsr.encoding.sparse.idf.inverse_document_frequency` makes of it what `with_query_idf`
        takes. ModelError if queries take a model run.
        """
        texts = list_of_texts(texts)
        check_texts(texts)
        return token_frequencies([texts], self.query_tokenizer, self.dim)

    @cached_property
    def query_tokenizer(self) -> TextTokenizer:
        """Cuts texts into the tokens of the query table. ModelError if queries take a model run."""
        if not isinstance(query := self.spec.query, TableSpec):
            raise ModelError(f"{self.name} runs a model for queries: there is no table of tokens to count for")
        return TextTokenizer(query.folder, max_length=MOST_TOKENS, special_tokens=False)

    def with_query_idf(self, idf: npt.NDArray[np.floating], blend: float = 0.75) -> SparseEncoder:
        """The same encoder, with its query table blended with the IDF of the searched collection.

        A query's weight of a token becomes (1 - blend) * table + blend * c * idf, with c such that both are equally
        large on average over the tokens in the collection (`lsr.encoding.sparse.idf.blend_tables`): 0 leaves
        the table as it is, 1 ranks by the IDF alone. A learned or pre-computed table knows the texts it comes from;
        which of a query's words distinguish documents depends on the collection. Document vectors stay the same, so
        nothing has to be encoded again. Tokens without a letter or a digit get no weight: a question mark tells no
        documents apart. `save` writes the blended table; `settings` show that there is one.

        Args:
            idf: float [dim], not negative: `lsr.encoding.sparse.idf.inverse_document_frequency` of `token_frequencies`.
            blend: from 0 to 1. With tables from other collections 0.75 was the best of quarters, on average over
                scifact, nfcorpus, cranfield and cisi.

        Raises:
            ModelError: queries take a model run, so there is no table.
            InputError: an IDF of another length or with numbers below zero, or a blend out of range.
        """
        from lsr.encoding.sparse.static import StaticTower

        if not isinstance(self._query_tower, StaticTower):
            raise ModelError(f"{self.name} runs a model for queries; only a table of query weights blends with an IDF")
        idf = checked_idf(idf, self.dim)
        table = blend_tables(self._query_tower.table, idf, blend)
        table[self._query_tower.tokenizer.symbols(len(table))] = 0
        encoder = copy(self)
        encoder.__dict__.pop("_descriptions", None)
        encoder._query_tower = self._query_tower.with_table(table)
        encoder.spec = replace(self.spec, query=encoder._query_tower.spec)
        encoder._query_idf = {"blend": blend, "fingerprint": fingerprint_bytes(idf.tobytes())}
        return encoder

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write a model folder, whole or not at all; sentence-transformers' SparseEncoder opens it where it can.

        Its vectors are this encoder's in float32, with special tokens and without windows, since a model's description
        cannot record these two. What that library cannot express, such as echo or term weights, is written in our own
        layout (`lsr.encoding.sparse.saving`). Weight files are copied unchanged. OutputExistsError if `path` exists and
        `force` is not set.
        """
        if self._document_tower is None:
            raise ModelError(f"{self.name} was loaded with queries_only=True, so it cannot be saved")
        from lsr.encoding.sparse.light import LightTower
        from lsr.encoding.sparse.saving import save_towers

        document, query = self._document_tower, self._query_tower
        assert not isinstance(document, LightTower) and not isinstance(query, LightTower)  # these come queries_only
        save_towers(path, self.spec, document, query, force=force)

    def __repr__(self) -> str:
        queries = "inference-free queries" if self.inference_free else "one model run a query"
        return f"SparseEncoder({self.name!r}, {self.dim:,} terms, max_length {self.max_length}, {queries})"
