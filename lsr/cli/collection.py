"""What the commands that write to a collection share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import note

if TYPE_CHECKING:
    from lsr.collection.collection import Collection

CollectionPath = Annotated[
    Path, typer.Argument(help="A collection that `lsr index` or `lsr create` made.", show_default=False)
]


def report_recovered(collection: Collection) -> None:
    """Say what opening a collection found and mended."""
    for each in collection.recovered:
        note(each)
