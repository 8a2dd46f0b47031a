"""Searchers by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.build.distribute.spread import Spread, in_one_process
from lsr.core.errors import InputError
from lsr.core.places import everywhere
from lsr.core.progress import Stages, silent
from lsr.encoding.shared.folder import MODULES
from lsr.encoding.sparse.description import DESCRIPTION
from lsr.training.negatives.searchers import WITH_WORDS, CandidateSearcher, DenseSearcher, IndexSearcher, SparseSearcher
from lsr.training.teachers.loading import load_encoder
from lsr.training.teachers.pairs import CandidateTexts

if TYPE_CHECKING:
    from lsr.encoding.sparse.bm25 import Bm25Encoder


def load_searcher(
    name: str,
    texts: CandidateTexts,
    work: Path,
    *,
    bm25: Callable[[], Bm25Encoder],
    max_length: int | None = None,
    device: str | None = None,
    stages: Stages = silent,
    spread: Spread = in_one_process,
) -> CandidateSearcher:
    """The searcher of this name over all texts.

    Args:
        name: "bm25"; the folder of an index; or a packaged model, a model folder or a hub name: a sparse or dense
            encoder, as its files say. A sparse one with "+words" behind it is searched with words, as `lsr index` does.
        work: a folder to make, for vectors and index; it must outlive the searcher.
        bm25, max_length, device, spread: as for `lsr.training.teachers.load_teacher`.
    """
    if name == "bm25":
        return SparseSearcher.build(bm25(), texts, work, stages=stages)
    if is_index(Path(name)):
        return IndexSearcher(name, texts, device=device)
    from lsr.encoding.lexical.settings import LexicalSettings
    from lsr.encoding.sparse.encoder import SparseEncoder

    plain = name if Path(name).exists() else name.removesuffix(WITH_WORDS)
    encoder = load_encoder(plain, max_length=max_length, device=device)
    made = spread(encoder, partial(load_encoder, everywhere(plain), max_length=max_length, device=device))
    if plain != name:
        if not isinstance(encoder, SparseEncoder):
            raise InputError(f"words stand beside the terms of a sparse model, but {plain} makes dense vectors")
        return IndexSearcher.build(made, texts, work, LexicalSettings(), stages=stages)
    if isinstance(encoder, SparseEncoder):
        return SparseSearcher.build(made, texts, work, stages=stages)
    return DenseSearcher.build(made, texts, work, stages=stages)


def is_index(path: Path) -> bool:
    """Whether this is a folder without a model: then it is opened as an index, which reports damage."""
    return path.is_dir() and not any((path / name).exists() for name in ("config.json", MODULES, DESCRIPTION))
