"""In the place of a model, for an index of words alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from lsr.core.vocabulary import Vocabulary
from lsr.encoding.lexical.settings import WORDS_ALONE, LexicalSettings
from lsr.encoding.shared.tally import TextReport
from lsr.vectors.sparse import SparseVectors


class WordsAlone:
    """Gives documents no terms: their words, which an index adds, are all that they are found by."""

    name = WORDS_ALONE
    dim = 0
    max_length = 0
    inference_free = False
    vocabulary = Vocabulary()

    def settings(self) -> dict[str, Any]:
        """All that decides the vectors, as JSON values."""
        return {"model": self.name, "dim": self.dim}

    def encode_documents(
        self,
        texts: Iterable[str],
        ids: Sequence[str],
        *,
        top_k: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> SparseVectors:
        """Rows without terms."""
        if progress:
            progress(len(ids))
        return SparseVectors([0] * (len(ids) + 1), [], [], ids, self.dim)

    def text_report(self) -> TextReport:
        """Nothing is cut, and no language unknown."""
        return TextReport(0, 0, 0, 0.0, 0.0, None)

    def __repr__(self) -> str:
        return "WordsAlone()"


def lexical_settings(encoder: object, lexical: LexicalSettings | None) -> LexicalSettings | None:
    """How words are counted beside an encoder. Where there is none, they weigh 1: scores are BM25's own."""
    if isinstance(encoder, WordsAlone):
        return replace(lexical or LexicalSettings(), weight=1.0)
    return lexical
