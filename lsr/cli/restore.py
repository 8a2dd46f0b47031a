"""`lsr restore`: a collection out of a snapshot of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.options import Json
from lsr.cli.snapshot import copy


def run(
    snapshot: Annotated[Path, typer.Argument(help="What `lsr snapshot` made.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The collection to make.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Make a collection of a snapshot. The snapshot stays as it is.

    Nothing is written over: to go back, move the collection that is there aside first, and remove it when the new one
    has been looked at.

    Example:

        lsr restore backups/monday -o my-index
    """
    copy(snapshot, output, as_json=as_json)
