"""`lsr index` of several shards, here or on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import fail, note
from lsr.cli.corpus import encoding, looked_at, resumable
from lsr.cli.options import OnError
from lsr.core.places import everywhere

if TYPE_CHECKING:
    from lsr.build.distribute.spread import Spread
    from lsr.index import Index
    from lsr.text.windows import WindowSettings

CLUSTER = "Several machines"
SHARDS = 8
"""How many shards there are on a cluster, if nothing else is said: whatever the cluster, so that all build the same."""


class Engine(StrEnum):
    """What work is spread by."""

    ray = "ray"


Shards = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Make so many shards, each an index of its own, which are searched as one. "
        f"(default: a single index, and {SHARDS} shards with --engine)",
        show_default=False,
        rich_help_panel=CLUSTER,
    ),
]


@contextmanager
def spreading(engine: Engine | None, address: str | None) -> Iterator[Spread]:
    """Give what spreads encoders over a cluster, or leaves them as they are without an engine."""
    from lsr.build.distribute.spread import in_one_process, spread_on_ray

    if engine is None:
        if address is not None:
            fail("--address is of a cluster: name the --engine as well")
        yield in_one_process
        return
    with spread_on_ray(address) as spread:
        yield spread


EngineOption = Annotated[
    Engine | None,
    typer.Option(
        help="Work on a cluster of Ray, whose machines see the same files.",
        show_default=False,
        rich_help_panel=CLUSTER,
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of the cluster, such as ray://head:10001 or auto. (default: the cores of this machine)",
        show_default=False,
        rich_help_panel=CLUSTER,
    ),
]


def index_shards(
    corpus: str,
    out: Path,
    *,
    shards: int | None,
    engine: Engine | None,
    address: str | None,
    model: str,
    max_length: int | None,
    window_overlap: int | None,
    windows: WindowSettings | None,
    fits: bool,
    dense: str | None,
    device: str | None,
    format: str | None,
    on_error: OnError,
    **options: Any,
) -> Index:
    """Index a corpus as shards. `fits`: whether windows are those of the model if none are given."""
    from lsr.build.distribute.sources import DenseSource

    made_dense = None if dense is None else DenseSource(dense, device)
    if engine is None:
        from lsr.build.sharded.job import index_sharded

        how: dict[str, Any] = {"model": model, "max_length": max_length, "window_overlap": window_overlap}
        with encoding(corpus, out, device=device, format=format, on_error=on_error, **how) as job:
            cut = _windows(windows, fits, job.encoder)
            return index_sharded(
                job.documents, out, job.encoder, shards=shards or 1, total=job.total, dense=made_dense, **cut, **options
            )
    return _on_ray(
        corpus,
        out,
        shards=shards or SHARDS,
        address=address,
        model=(everywhere(model), max_length, window_overlap, device),
        windows=windows,
        fits=fits,
        dense=made_dense,
        reading=(format, on_error),
        **options,
    )


def _on_ray(
    corpus: str,
    out: Path,
    *,
    address: str | None,
    model: tuple[str, int | None, int | None, str | None],
    windows: WindowSettings | None,
    fits: bool,
    reading: tuple[str | None, OnError],
    **options: Any,
) -> Index:
    from lsr.build.distribute.job import index_distributed
    from lsr.build.distribute.sources import CorpusSource, ModelSource
    from lsr.core.ray import import_ray
    from lsr.text import count_documents, open_corpus

    import_ray("data")
    if corpus == "-":
        fail("what comes on stdin is on this machine alone: give a file that every machine can read")
    format, on_error = reading
    read, load = CorpusSource(everywhere(corpus), format, on_error.value), ModelSource(*model)
    looked_at(open_corpus(corpus, format=format, on_error=on_error.value))  # what is wrong at once is said at once
    with resumable(out):
        cut = _windows(windows, fits, load())
        total = count_documents(corpus, format=format)
        return index_distributed(read, out, load, address=address, total=total, remarks=note, **cut, **options)


def _windows(windows: WindowSettings | None, fits: bool, encoder: Any) -> dict[str, Any]:
    from lsr.build.encoders import windows_that_fit

    fitting = windows_that_fit(None, None, None, encoder) if fits and windows is None else None
    return {"windows": windows or fitting, "only_if_needed": fitting is not None}
