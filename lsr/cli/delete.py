"""`lsr delete`: documents out of a collection."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lsr.cli.collection import CollectionPath, report_recovered
from lsr.cli.console import fail, note, print_json
from lsr.cli.options import Json
from lsr.cli.remote import ServerKey, ServerUrl, connected, refuse_key


def run(
    context: typer.Context,
    collection: CollectionPath,
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of documents; - reads them from stdin, one a line.")
    ] = None,
    filter: Annotated[
        str | None, typer.Option(help="Delete what fulfils this, as `lsr search --filter` has it.", show_default=False)
    ] = None,
    server: ServerUrl = None,
    key: ServerKey = None,
    as_json: Json = False,
) -> None:
    """Delete documents from a collection, by id or by filter. An id that there is not is told, and no error.

    What is deleted is in no answer from then on, whoever searches next. Its space comes back as segments are merged, or
    at once with `lsr compact`.

    Examples:

        lsr delete my-index note-1 note-2

        cut -f1 gone.tsv | lsr delete my-index -

        lsr delete my-index --filter 'year < 2000'

        lsr delete birds note-1 --server http://localhost:8080
    """
    from lsr.core.counted import counted

    if not ids and filter is None:
        fail("which documents? Give their ids, - to read them from stdin, or a --filter")
    wanted = [line.rstrip("\n") for line in sys.stdin if line.strip()] if ids == ["-"] else ids or []
    if server is not None:
        with connected(context, server, key, collection) as there:
            done = there.delete(wanted, filter=filter)
            count = len(there)
    else:
        refuse_key(context)
        from lsr.collection.collection import Collection

        with Collection.open(collection) as opened:
            report_recovered(opened)
            done = opened.delete(wanted, filter=filter)
            opened.wait()
            count = len(opened)
    for id in done.missing:
        note(f"{id}: there is no such document")
    if as_json:
        print_json({"deleted": done.deleted, "missing": done.missing, "documents": count})
    else:
        note(f"{collection}: {counted(done.deleted, 'documents')} deleted; {counted(count, 'documents')} left")
