"""Compile all kernels before they are needed, by building small indexes and searching them in every way."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lsr.core.documents import Document
from lsr.core.errors import MissingDependencyError
from lsr.core.jit import compilations
from lsr.core.progress import Progress
from lsr.index import Index, IndexBuilder, IndexSettings, LateVectors, LateWriter, add_dense
from lsr.index.collection.create import create_collection
from lsr.index.collection.writer import CollectionWriter
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import HYBRID, RetrievalPlan, RetrieveSettings
from lsr.index.live.writes import Put
from lsr.index.parts.registry import written_parts
from lsr.vectors.sparse import SparseVectors

# Term ids take two bytes in an index with the first vocabulary and four with the second, and kernels are compiled for
# each.
_VOCABULARIES = (1 << 10, (1 << 16) + 1)
_DOCUMENTS = 300
_ONE = np.ones(1, np.float32)


def compile_kernels(index: str | Path | None = None, *, progress: Progress | None = None) -> list[str]:
    """Compile what building and searching indexes needs, or only what searching the one at `index` does.

    Returns the names of the kernels that had to be compiled, each of which is reported to `progress`; the others were
    cached (`lsr.core.jit`).
    """
    with compilations(progress) as compiled, TemporaryDirectory() as folder:
        if index is not None:
            Index.open(index).sparse.warm_up()
        else:
            for number, (dim, settings) in enumerate(product(_VOCABULARIES, kinds_of_index())):
                _build_and_warm_up(Path(folder) / str(number), dim, settings)
            _warm_up_collection(Path(folder) / "collection", _VOCABULARIES[0])
    return compiled


def kinds_of_index() -> list[IndexSettings]:
    """Settings that need kernels of their own, each with all the optional parts."""
    optional = {part.name: part.Settings() for part in written_parts() if part.Settings is not None}
    named = {name: optional.pop(name) for name in list(optional) if name in IndexSettings.__dataclass_fields__}
    return [IndexSettings(weight_bits=bits, **named, parts=optional) for bits in (8, 16, 24)]


def _build_and_warm_up(path: Path, dim: int, settings: IndexSettings) -> None:
    """Build a small index and run every search that it offers."""
    random = np.random.default_rng(0)
    # Few terms that occur in many documents, and many that occur in few.
    drawn = [[random.integers(0, 8, 4), random.integers(0, dim, 12)] for _ in range(_DOCUMENTS)]
    rows = [np.unique(np.concatenate(parts)) for parts in drawn]
    vectors = SparseVectors.from_rows([(terms, random.uniform(0.1, 2.0, len(terms))) for terms in rows], dim=dim)
    with IndexBuilder(path, dim=dim, settings=settings) as builder:
        builder.add(vectors)
        index = builder.finish()
    index.sparse.warm_up()
    _warm_up_stages(index, path)


def _warm_up_collection(path: Path, terms: int) -> None:
    """Write to a collection of the usual kind, and search its segments and memory."""
    create_collection(path, terms=terms, weight_scale=1 / 255)
    with CollectionWriter(path) as writer:
        for number in range(3):
            put = Put(Document(str(number), ""), np.array([0, 1], np.uint32), np.ones(2, np.float32), ("word",), _ONE)
            writer.apply([put])
            if number < 2:
                writer.flush()
        writer.snapshot().sparse.warm_up()


def _warm_up_stages(index: Index, path: Path) -> None:
    """Run what searches of dense and token vectors need besides; without faiss there are no dense ones."""
    query = np.array([0], np.uint32), np.ones(1, np.float32)
    index.scores(*query, [0])
    token, offsets = np.ones((1, 8), np.float32), np.array([0, 1])
    for bits in (8, 4):
        folder = path / f"tokens-{bits}"
        folder.mkdir()
        with LateWriter(folder, 8, bits) as writer:
            writer.append(offsets, token)
            record = writer.finish({})
        late = LateVectors.open(folder, record)
        late.scores(token, np.array([0]))
        late.explain(token, 0)
    try:
        dense = add_dense(index, [np.eye(len(index), 8, dtype=np.float32)])
    except MissingDependencyError:
        return
    plan = RetrievalPlan(retrieve=RetrieveSettings(mode=HYBRID))
    search_rows(dense, HybridQuery(query, np.ones(8, np.float32)), 1, plan)
