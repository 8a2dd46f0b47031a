"""`lsr snapshot`: a copy of a collection, as it is at one moment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.collection import CollectionPath
from lsr.cli.console import note, print_json
from lsr.cli.options import Json


def run(
    collection: CollectionPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="The copy to make.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Copy a collection as it is now, while it is written to and searched.

    The copy is a collection itself: it can be searched, served, added to, and restored with `lsr restore`. Every file
    is compared with its checksum on the way.

    Example:

        lsr snapshot my-index -o backups/monday
    """
    copy(collection, output, as_json=as_json)


def copy(source: Path, output: Path, *, as_json: bool) -> None:
    """Copy a collection, and say so."""
    from lsr.core.counted import counted
    from lsr.core.unfinished import announce
    from lsr.index import Index
    from lsr.index.collection.copies import copy_collection

    announce(output)
    sizes = copy_collection(source, output)
    documents = len(Index.open(output).documents)
    if as_json:
        print_json({"output": str(output), "documents": documents, "bytes": sum(sizes.values())})
    else:
        mb = sum(sizes.values()) / 1e6
        note(f"{output}: {counted(documents, 'documents')}, {mb:,.1f} MB, all as their checksums say")
