"""Searchers by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.core.progress import Stages, silent
from lsr.encoding.shared.folder import MODULES
from lsr.encoding.sparse.description import DESCRIPTION
from lsr.training.negatives.searchers import CandidateSearcher, DenseSearcher, IndexSearcher, SparseSearcher
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
) -> CandidateSearcher:
    """The searcher of this name over all texts.

    Args:
        name: "bm25"; the folder of an index; or a packaged model, a model folder or a hub name: a sparse or dense
            encoder, as its files say.
        work: a folder to make, for vectors and index; it must outlive the searcher.
        bm25, max_length, device: as for `lsr.training.teachers.load_teacher`.
    """
    if name == "bm25":
        return SparseSearcher.build(bm25(), texts, work, stages=stages)
    if is_index(Path(name)):
        return IndexSearcher(name, texts, device=device)
    from lsr.encoding.sparse.encoder import SparseEncoder

    encoder = load_encoder(name, max_length=max_length, device=device)
    if isinstance(encoder, SparseEncoder):
        return SparseSearcher.build(encoder, texts, work, stages=stages)
    return DenseSearcher.build(encoder, texts, work, stages=stages)


def is_index(path: Path) -> bool:
    """Whether this is a folder without a model: then it is opened as an index, which reports damage."""
    return path.is_dir() and not any((path / name).exists() for name in ("config.json", MODULES, DESCRIPTION))
