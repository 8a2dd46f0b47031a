"""`lsr warmup`: compile now what the first search would have to compile."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from lsr.cli.console import fail, note, print_json, progress_bar
from lsr.cli.options import Json
from lsr.core.counted import counted


def run(
    index: Annotated[
        Path | None, typer.Argument(help="Compile only what searching this index needs.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile everything that building and searching need, so that the first search starts at once.

    Run it once per installation, for example when building a container image; later runs find everything compiled. The
    code is kept in the user's cache folder, or in $LSR_CACHE_DIR.

    Examples:

        lsr warmup

        LSR_CACHE_DIR=/opt/lsr-cache lsr warmup
    """
    from lsr.build.warmup import compile_kernels
    from lsr.core.jit import cache_folder, unkept

    start = perf_counter()
    with progress_bar("compiling", None, "kernels") as progress:
        compiled = compile_kernels(index, progress=progress)
    seconds = perf_counter() - start
    if unkept() is not None:
        fail("the compiled kernels could not be cached, so nothing is gained")
    if as_json:
        print_json({"compiled": len(compiled), "seconds": round(seconds, 3), "cache": str(cache_folder())})
    else:
        did = f"compiled {counted(len(compiled), 'kernels')}" if compiled else "found every kernel compiled"
        note(f"{did} in {seconds:.1f} s; they are kept in {cache_folder()}")
