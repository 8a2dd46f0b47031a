"""Query weights from the searched collection: tokens that occur in few documents distinguish them best.

An inference-free encoder weights query tokens by a table: an IDF of some large corpus (Geng et al.,
https://arxiv.org/abs/2411.04403), or one that was learned there (Nardini et al., https://arxiv.org/abs/2505.01452).
What is rare there need not be rare here, and whoever builds an index knows how frequent each term is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.encoding.shared.heads import pieces

if TYPE_CHECKING:
    from lsr.encoding.shared.tokens import TextTokenizer
    from lsr.vectors.sparse import SparseVectors

IdfForm = Literal["bm25", "smooth", "plain"]

_BATCH = 1024  # texts that are tokenised at a time
_PIECE = 1 << 20  # characters of one, at most: an encoding takes a hundred bytes for each


def inverse_document_frequency(
    frequencies: npt.ArrayLike, documents: int, form: IdfForm = "bm25"
) -> npt.NDArray[np.float32]:
    """The IDF of each term: float32 [dim], not negative.

    Args:
        frequencies: integers [dim], the number of documents that contain each term.
        documents: N, the number of documents.
        form: "bm25", ln(1 + (N - df + 0.5) / (df + 0.5)), as Lucene has it: nearly the BM25 weight of Robertson and
            Spärck Jones, and never below zero; "smooth", ln((1 + N) / (1 + df)), zero for what all documents hold;
            "plain", ln(N / df), zero as well for what none holds.

    Raises:
        InputError: frequencies below zero or above N, or an unknown form.
    """
    df = np.asarray(frequencies, dtype=np.float64)
    if df.ndim != 1 or len(df) == 0 or df.min() < 0 or df.max() > documents:
        raise InputError(
            f"document frequencies must be one row of numbers from 0 to {documents}, the number of documents"
        )
    if form == "bm25":
        idf = np.log1p((documents - df + 0.5) / (df + 0.5))
    elif form == "smooth":
        idf = np.log((1 + documents) / (1 + df))
    elif form == "plain":
        idf = np.where(df > 0, np.log(documents / np.maximum(df, 1)), 0.0)
    else:
        raise InputError(f"the form of an IDF must be bm25, smooth or plain, not {form!r}")
    return idf.astype(np.float32)


def term_frequencies(batches: Iterable[SparseVectors], dim: int) -> npt.NDArray[np.int64]:
    """In how many of these vectors each term is active: int64 [dim].

    For use without texts: an expanded vector has far more terms than its text, so these say less about a token's
    rarity than `token_frequencies`.
    """
    frequencies = np.zeros(dim, np.int64)
    for vectors in batches:
        frequencies += np.bincount(vectors.indices, minlength=dim)
    return frequencies


def token_frequencies(batches: Iterable[Sequence[str]], tokenizer: TextTokenizer, dim: int) -> npt.NDArray[np.int64]:
    """How many of these texts contain each token: int64 [dim]. Text beyond the tokenizer's max_length is not read."""
    frequencies = np.zeros(dim, np.int64)
    for texts in batches:
        for tokens in distinct_tokens(texts, tokenizer):
            frequencies[tokens] += 1
    return frequencies


def distinct_tokens(texts: Sequence[str], tokenizer: TextTokenizer) -> list[npt.NDArray[np.uint32]]:
    """The different tokens of each text, ascending. Text beyond the tokenizer's max_length is not read."""
    windows = iter(tokenizer.encode([text for text in texts if len(text) <= _PIECE])[0])
    found = []
    for text in texts:
        if len(text) <= _PIECE:
            tokens = np.unique(next(windows))
        else:
            parts = (np.unique(np.concatenate(tokenizer.encode([part])[0])) for part in pieces(text, _PIECE))
            tokens = np.unique(np.concatenate(list(parts)))
        found.append(tokens.astype(np.uint32))
    return found


def token_idf(
    texts: Iterable[str], tokenizer: TextTokenizer, dim: int, progress: Callable[[int], None] | None = None
) -> npt.NDArray[np.float32]:
    """The IDF of each token of these texts, in the form "bm25": float32 [dim]. Special tokens have none.

    `progress` is called with the number of texts just counted.
    """
    total = 0

    def batches() -> Iterator[list[str]]:
        nonlocal total
        iterator = iter(texts)
        while batch := list(islice(iterator, _BATCH)):
            yield batch
            total += len(batch)
            if progress:
                progress(len(batch))

    frequencies = token_frequencies(batches(), tokenizer, dim)
    idf = inverse_document_frequency(frequencies, total)
    special = tokenizer.special_ids
    idf[special[special < dim]] = 0
    return idf


def checked_idf(idf: npt.ArrayLike, dim: int) -> npt.NDArray[np.float32]:
    """An IDF as float32 [dim]. InputError for what is none, or is of another length."""
    try:
        idf = np.asarray(idf, dtype=np.float32)
    except (ValueError, TypeError):
        raise InputError(f"an IDF is an array of numbers, one for each term, not {kind_of(idf)}") from None
    if idf.shape != (dim,):
        raise InputError(f"the IDF has shape {idf.shape}, but there are {dim} terms")
    return idf


def blend_tables(table: npt.NDArray[np.float32], idf: npt.NDArray[np.float32], blend: float) -> npt.NDArray[np.float32]:
    """(1 - blend) * table + blend * c * idf for each term: float32, as long as `idf`.

    c is mean(table) / mean(idf) over the terms that have a weight above zero in both and are not of the highest IDF,
    that of terms in no document: half of the blend then comes from each at 0.5. Multiplying all weights of queries by
    one number changes no ranking, so c matters for nothing else. Terms beyond the table's end have weight zero there,
    and so have those the IDF is blended into; a term of weight zero in the table is a special token, or one that was
    unlearned, and stays at zero.

    InputError for an IDF that is shorter than the table or below zero, or a blend that is not from 0 to 1.
    """
    if isinstance(blend, str | None) or not 0 <= blend <= 1:
        raise InputError(f"a blend must be from 0 (the table) to 1 (the IDF), not {blend!r}")
    if len(idf) < len(table) or not np.isfinite(idf).all() or (idf < 0).any():
        raise InputError(f"an IDF for a table of {len(table)} weights must be as long, without numbers below zero")
    weights = np.zeros(len(idf), np.float32)
    weights[: len(table)] = table
    known = (weights > 0) & (idf > 0)
    if (inner := known & (idf < idf.max())).any():
        known = inner
    if not known.any():
        raise InputError("the query table and the IDF have no term in common")
    factor = weights[known].mean(dtype=np.float64) / idf[known].mean(dtype=np.float64)
    blended = (1 - blend) * weights.astype(np.float64) + blend * factor * idf
    return np.where(weights > 0, blended, 0).astype(np.float32)
