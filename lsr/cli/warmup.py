"""`lsr warmup`: compile now what would be compiled at the first search."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Json

if TYPE_CHECKING:
    from lsr.index import Index, IndexSettings

NAME = "warmup"

# Term ids take two bytes in an index with the first vocabulary and four with the second, and kernels are compiled for
# each.
_VOCABULARIES = (1 << 10, (1 << 16) + 1)
_DOCUMENTS = 300


def run(
    index: Annotated[
        Path | None, typer.Argument(help="Compile only what searching this index needs.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile all that building and searching needs, so that the first search after it starts at once.

    Needed once for an installation, say when a container image is made; later runs find everything compiled. It is kept
    in the user's cache folder, or in $LSR_CACHE_DIR.

    Examples:

        lsr warmup

        LSR_CACHE_DIR=/opt/lsr-cache lsr warmup
    """
    from lsr.core.jit import cache_folder, compilations, unkept
    from lsr.index import Index

    start = perf_counter()
    with (
        progress_bar("compiling", None, "kernels") as progress,
        compilations(progress) as compiled,
        TemporaryDirectory() as folder,
    ):
        if index is not None:
            Index.open(index).sparse.warm_up()
        else:
            for number, (dim, settings) in enumerate(product(_VOCABULARIES, kinds_of_index())):
                _build_and_warm_up(Path(folder) / str(number), dim, settings)
    seconds = perf_counter() - start
    if unkept() is not None:
        fail("nothing is gained: what was compiled could not be kept")
    if as_json:
        print_json({"compiled": len(compiled), "seconds": round(seconds, 3), "cache": str(cache_folder())})
    else:
        did = f"compiled {len(compiled)} kernels" if compiled else "found every kernel compiled"
        note(f"{did} in {seconds:.1f} s; they are kept in {cache_folder()}")


def kinds_of_index() -> list[IndexSettings]:
    """Settings that kernels are compiled for one by one, each with every part that is made only when asked for."""
    from lsr.index.format.settings import BmpSettings, IndexSettings, SeismicSettings

    return [IndexSettings(weight_bits=bits, seismic=SeismicSettings(), bmp=BmpSettings()) for bits in (8, 16)]


def _build_and_warm_up(path: Path, dim: int, settings: IndexSettings) -> None:
    """Build a small index and run every search that it offers."""
    import numpy as np

    from lsr.index import IndexBuilder
    from lsr.vectors.sparse import SparseVectors

    random = np.random.default_rng(0)
    # Few terms that many documents hold, many that few do.
    drawn = [[random.integers(0, 8, 4), random.integers(0, dim, 12)] for _ in range(_DOCUMENTS)]
    rows = [np.unique(np.concatenate(parts)) for parts in drawn]
    vectors = SparseVectors.from_rows([(terms, random.uniform(0.1, 2.0, len(terms))) for terms in rows], dim=dim)
    with IndexBuilder(path, dim=dim, settings=settings) as builder:
        builder.add(vectors)
        index = builder.finish()
    index.sparse.warm_up()
    _warm_up_stages(index, path)


def _warm_up_stages(index: Index, path: Path) -> None:
    """What searches of dense and token vectors run besides; without faiss there are no dense ones."""
    import numpy as np

    from lsr.core.errors import MissingDependencyError
    from lsr.index import LateVectors, LateWriter, add_dense
    from lsr.index.fusion.query import HybridQuery
    from lsr.index.fusion.search import search_rows
    from lsr.index.fusion.settings import HYBRID, RetrievalPlan, RetrieveSettings

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
