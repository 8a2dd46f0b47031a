"""`lsr fields`: the fields that an index can be filtered by."""

from __future__ import annotations

import typer

from lsr.cli.console import escape, fail, note, output, print_json
from lsr.cli.options import Force, IndexPath, Json, SchemaOption, schema_of
from lsr.core.counted import counted
from lsr.core.unfinished import announce

NAME = "fields"


def run(
    context: typer.Context,
    index: IndexPath,
    schema: SchemaOption = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Show the fields of an index's documents that `--filter`, `--sort` and `--facets` go by, and their types.

    An index that was built without columns of them gets these, and with --schema --force it gets them by other types.

    Examples:

        lsr fields my-index

        lsr fields my-index --schema '{"year": "integer", "published": "datetime"}' --force
    """
    from lsr.index import Index
    from lsr.index.build.fields import add_fields

    declared = schema_of(schema)
    opened = Index.open(index)
    there = NAME in opened.parts
    if there and declared is not None and not force:
        fail(f"{index} has fields already: pass --force to replace them by those of --schema")
    # Of a collection that is written to, each new segment has them without being asked.
    asked = declared is not None or force or opened.manifest.live is None
    if (not there or force) and asked:
        announce(index)
        opened = add_fields(opened, declared, force=force)
    found = opened.documents.fields.schema
    if as_json:
        print_json({"index": str(index), **found.to_record()})
        return
    width = max(map(len, [*found.fields, *found.unfit]), default=0)
    for name, kind in found.fields.items():
        output.print(f"[bold]{escape(name)}[/]{' ' * (width - len(name))}  {escape(str(kind))}")
    for name, reason in found.unfit.items():
        output.print(f"[bold]{escape(name)}[/]{' ' * (width - len(name))}  [dim]none: {escape(reason)}[/]")
    if found.too_many:
        note("the documents have so many different fields that those to filter by must be declared with --schema")
    elif not found.fields:
        note(f"{index}: {counted(len(opened.documents), 'documents')}, without a field to filter by")
