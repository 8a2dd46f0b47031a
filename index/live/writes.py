"""What a writer does to a collection: put a document, or delete one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lsr.core.documents import Document
from lsr.core.errors import InputError
from lsr.core.types import Vectors
from lsr.index.parts.document_writer import check_storable

_NO_IDS = np.empty(0, np.uint32)
_NO_WEIGHTS = np.empty(0, np.float32)


@dataclass(slots=True, eq=False)
class Put:
    """A document with all that an index holds of it; it takes the place of one of the same id.

    Attributes:
        document: stored as it is.
        terms: uint32 [n], a model's term ids, ascending; weights: float32 [n], positive, as the encoder made them.
        words: the different words of the text; word_weights: float32, one for each, positive.
        tokens: uint32, the different token ids of the text, ascending: what the IDF of a collection counts.
        length: the number of words of the text, repeated ones counted too.
        dense: float32 [dim], as the encoder made it, or None.
        gone: uint32, ascending: the different token ids of each row of the document in a segment whose place this one
            takes.
    """

    document: Document
    terms: npt.NDArray[np.uint32] = field(default_factory=lambda: _NO_IDS)
    weights: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_WEIGHTS)
    words: tuple[str, ...] = ()
    word_weights: npt.NDArray[np.float32] = field(default_factory=lambda: _NO_WEIGHTS)
    tokens: npt.NDArray[np.uint32] = field(default_factory=lambda: _NO_IDS)
    length: int = 0
    dense: Vectors | None = None
    gone: npt.NDArray[np.uint32] = field(default_factory=lambda: _NO_IDS)

    @property
    def id(self) -> str:
        """The document's."""
        return self.document.id

    @property
    def size(self) -> int:
        """About how many bytes it takes in the log."""
        numbers = 8 * len(self.terms) + 4 * len(self.tokens) + 16 * len(self.words)
        return self.document.size + numbers + (0 if self.dense is None else self.dense.nbytes)


@dataclass(slots=True, eq=False)
class Delete:
    """The document of this id is to go; nothing if there is none.

    Attributes:
        gone: as in `Put`.
    """

    id: str
    gone: npt.NDArray[np.uint32] = field(default_factory=lambda: _NO_IDS)

    @property
    def size(self) -> int:
        """About how many bytes it takes in the log."""
        return len(self.id)


Write = Put | Delete


def check_write(write: Write) -> None:
    """InputError, which names the document, for one that cannot be stored as it is."""
    if isinstance(write, Delete):
        check_storable(Document(write.id, ""))
        return
    _check_form(write)
    _check_numbers([write])


def check_writes(writes: Sequence[Write]) -> None:
    """As `check_write`, for many: their numbers are looked at together, and one by one only if some are wrong."""
    for write in writes:
        if isinstance(write, Delete):
            check_write(write)
        else:
            _check_form(write)
    puts = [write for write in writes if isinstance(write, Put)]
    try:
        _check_numbers(puts)
    except InputError:
        for put in puts:
            _check_numbers([put])
        raise


def _check_form(put: Put) -> None:
    """Check all but the values of the arrays."""
    check_storable(put.document)
    id = put.id
    _check_array(put.terms, np.uint32, "terms", id)
    _check_array(put.weights, np.float32, "weights", id)
    _check_array(put.tokens, np.uint32, "tokens", id)
    _check_array(put.word_weights, np.float32, "word_weights", id)
    if len(put.weights) != len(put.terms):
        raise InputError(f"document {id!r}: {len(put.weights)} weights for {len(put.terms)}", field="weights")
    if len(put.word_weights) != len(put.words):
        raise InputError(f"document {id!r}: {len(put.word_weights)} weights for {len(put.words)}", field="word_weights")
    _check_words(put.words, id)
    if not isinstance(put.length, int) or not 0 <= put.length < 1 << 48:
        raise InputError(f"document {id!r}: must be a number of words, not {put.length!r}", field="length")
    if put.dense is not None:
        _check_array(put.dense, np.float32, "dense", id)
        if not len(put.dense):
            raise InputError(f"document {id!r}: a vector must hold finite numbers", field="dense")


def _check_numbers(puts: Sequence[Put]) -> None:
    """Check the values of the arrays of documents. InputError names the first of them."""
    if not puts:
        return
    id = puts[0].id
    for name in ("terms", "tokens"):
        arrays = [getattr(put, name) for put in puts]
        ids = np.concatenate(arrays)
        ascends = ids[1:] > ids[:-1]
        # From one document to the next they need not ascend.
        ends = np.cumsum([len(each) for each in arrays])[:-1]
        ascends[ends[(ends > 0) & (ends < len(ids))] - 1] = True
        if not ascends.all():
            raise InputError(f"document {id!r}: ids must ascend, each once", field=name)
    for name in ("weights", "word_weights"):
        values = np.concatenate([getattr(put, name) for put in puts])
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise InputError(f"document {id!r}: weights must be finite and positive", field=name)
    dense = [put.dense for put in puts if put.dense is not None]
    if dense and not np.isfinite(np.concatenate(dense)).all():
        raise InputError(f"document {id!r}: a vector must hold finite numbers", field="dense")


def _check_array(values: object, dtype: type, name: str, id: str) -> None:
    if not isinstance(values, np.ndarray) or values.dtype != dtype or values.ndim != 1:
        raise InputError(f"document {id!r}: must be a one-dimensional array of {np.dtype(dtype)}", field=name)


def _check_words(words: tuple[str, ...], id: str) -> None:
    try:
        for word in words:
            word.encode()
    except (UnicodeEncodeError, AttributeError):
        raise InputError(f"document {id!r}: {word!r} is no word", field="words") from None
    if len(set(words)) != len(words) or "" in words:
        raise InputError(f"document {id!r}: every word once, and none of no letters", field="words")
