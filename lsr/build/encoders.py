"""What encodes the documents of an index, by its name, and the windows that it reads long ones in."""

from __future__ import annotations

from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import WORDS_ALONE
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.text.windows import WindowSettings, fitting_windows


def load_encoder(
    model: str, *, max_length: int | None = None, window_overlap: int | None = None, device: str | None = None
) -> SparseEncoder | WordsAlone:
    """The sparse model of this name or folder, or "bm25" for words alone, for which the others are not used."""
    if model != WORDS_ALONE:
        return SparseEncoder.load(model, max_length=max_length, window_overlap=window_overlap, device=device)
    return WordsAlone()


def windows_that_fit(
    windows: str | None, max_length: int | None, overlap: int | None, encoder: SparseEncoder | WordsAlone
) -> WindowSettings | None:
    """Windows for what is longer than the model reads, unless something was said of it; words are read whole."""
    if windows is not None or max_length is not None or overlap is not None or not encoder.max_length:
        return None
    return fitting_windows(encoder.max_length)
