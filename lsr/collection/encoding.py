"""From documents to the writes of a collection: its models' terms, words, tokens and dense vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lsr.collection.outcomes import Refused
from lsr.core.annotated import as_annotated
from lsr.core.documents import Document
from lsr.core.errors import InputError, ModelError
from lsr.core.types import Vectors
from lsr.encoding.lexical.analysis import ANALYSIS, Analyser
from lsr.encoding.lexical.settings import WORDS_ALONE, LexicalRecord
from lsr.encoding.lexical.words import damped, weighted
from lsr.encoding.titles import encode_titled, title_weight_of
from lsr.index.live.writes import Put, check_write
from lsr.index.parts.document_writer import check_storable
from lsr.text.windows import WindowSettings, cut_document, split_window_id

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder

_NO_TERMS, _NO_WEIGHTS = np.empty(0, np.uint32), np.empty(0, np.float32)


class DocumentEncoder:
    """Encodes documents as the index of a collection was encoded. Models are loaded when they are first needed.

    Args:
        record: what the manifest says of the encoder.
        tokens: whether the tokens of texts are counted.
        dense: what it says of the dense encoder; None if there are no dense vectors.
        windows: how documents are cut into rows; None if they are not.
        load, load_dense: give the encoders of documents.

    Attributes:
        stored: gives the dense vector of a row where one is stored, and its text need not be encoded; mostly None.
    """

    def __init__(
        self,
        record: dict[str, Any] | None,
        *,
        tokens: bool,
        dense: dict[str, Any] | None,
        windows: WindowSettings | None,
        load: Callable[[], SparseEncoder],
        load_dense: Callable[[], DenseEncoder],
    ) -> None:
        self._record = record or {}
        self._tokens, self._has_dense = tokens, dense is not None
        self._load, self._load_dense = load, load_dense
        self.stored: Callable[[Document], Vectors | None] | None = None
        self._windows = windows
        self._words_alone = self._record.get("model") == WORDS_ALONE
        self._lexical = LexicalRecord.of_encoder(record)
        if self._lexical is not None and self._lexical.analysis != ANALYSIS:
            raise ModelError(
                f"the words of this collection were cut by rules of version {self._lexical.analysis}, and these are of "
                f"version {ANALYSIS}",
                remedies=["build it again"],
            )
        self._analyser = None if self._lexical is None else Analyser.of(self._lexical.settings)
        self._title_weight = title_weight_of(record)
        self._lock = Lock()  # stemmers are for one thread at a time

    @as_annotated
    def encode(
        self, documents: Sequence[Document], progress: Callable[[int], None] | None = None
    ) -> tuple[list[Put], list[Refused]]:
        """The writes of documents, one for each row, and those documents that cannot be written, with reasons."""
        kept, refused = [], []
        for document in documents:
            try:
                check_storable(document)
                if not document.id:
                    raise InputError("a document has no id")
                kept += [document] if self._windows is None else cut_document(document, self._windows)
            except InputError as error:
                refused.append(Refused(str(document.id), error.problem))
        rows = self._terms(kept, progress and _by_document(progress, len(documents), len(kept)))
        dense = self._dense(kept)
        puts = []
        for document, row, words, tokens, vector in zip(
            kept, rows, self._words(kept), self.tokens_of(kept), dense, strict=True
        ):
            puts.append(Put(document, *row, words.names, words.weights, tokens, words.length, vector))
        puts, broken = self.fitting(puts, check_write)
        return puts, [*refused, *broken]

    def fitting(self, puts: Sequence[Put], check: Callable[[Put], None]) -> tuple[list[Put], list[Refused]]:
        """The writes of documents that pass a check, which raises InputError; and the other documents."""
        wrong: dict[str, str] = {}
        for put in puts:
            try:
                check(put)
            except InputError as error:
                wrong.setdefault(self.document_of(put), error.problem)
        kept = [put for put in puts if self.document_of(put) not in wrong]
        return kept, [Refused(id, reason) for id, reason in wrong.items()]

    def document_of(self, put: Put) -> str:
        """The id of the document that a write is of."""
        return put.id if self._windows is None else split_window_id(put.id)[0]

    def _terms(
        self, documents: Sequence[Document], progress: Callable[[int], None] | None
    ) -> list[tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32]]]:
        if self._words_alone or not documents:
            if progress:
                progress(len(documents))
            return [(_NO_TERMS, _NO_WEIGHTS)] * len(documents)
        top_k = self._record.get("top_k")
        vectors = encode_titled(self._load(), documents, self._title_weight, top_k=top_k, progress=progress)
        return [vectors.row(number) for number in range(len(documents))]

    def _dense(self, rows: Sequence[Document]) -> list[Vectors | None]:
        """The dense vectors of rows; None where there are none."""
        if not self._has_dense:
            return [None] * len(rows)
        found = [None if self.stored is None else self.stored(row) for row in rows]
        missing = [place for place, vector in enumerate(found) if vector is None]
        if missing:
            made = self._load_dense().encode_documents([rows[place].contents for place in missing])
            for place, vector in zip(missing, made, strict=True):
                found[place] = vector
        return found

    def _words(self, documents: Sequence[Document]) -> Iterator[_Words]:
        for document in documents:
            if self._lexical is None or self._analyser is None:
                yield _Words((), _NO_WEIGHTS, 0)
                continue
            with self._lock:
                words = self._analyser.words(document.contents)
                title = self._analyser.words(document.title) if self._title_weight else []
            counts, of_title = Counter(words), Counter(words[: len(title)])
            weights = damped(
                weighted(
                    np.fromiter(counts.values(), np.int64, len(counts)),
                    np.fromiter((of_title[word] for word in counts), np.int64, len(counts)),
                    self._title_weight,
                ),
                np.full(len(counts), weighted(len(words), len(title), self._title_weight)),
                self._lexical.mean_length,
                self._lexical.settings,
            )
            yield _Words(tuple(counts), weights, len(words))

    def tokens_of(self, documents: Sequence[Document]) -> list[npt.NDArray[np.uint32]]:
        """The different tokens of each text, ascending; none where they are not counted."""
        if not self._tokens or not documents:
            return [_NO_TERMS] * len(documents)
        from lsr.encoding.sparse.idf import distinct_tokens

        return distinct_tokens([document.contents for document in documents], self._load().query_tokenizer)


class _Words(NamedTuple):
    names: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    length: int


def _by_document(progress: Callable[[int], None], documents: int, rows: int) -> Callable[[int], None]:
    """Progress of rows as that of the documents which they are windows of: all of these once all of those are done."""
    done = told = 0

    def advance(count: int) -> None:
        nonlocal done, told
        done += count
        now = documents if done >= rows else documents * done // rows
        if now > told or done >= rows:
            progress(now - told)
            told = now

    return advance
