"""`lsr synonyms`: what else the words of a collection are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import fail, note, print_json, print_text
from lsr.cli.options import IndexPath, Json


def run(
    index: IndexPath,
    rules: Annotated[
        Path | None,
        typer.Argument(
            help="A file of rules, one a line: `car, automobile` or `tv => television`. (default: show those stored)",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the stored ones.")] = False,
    as_json: Json = False,
) -> None:
    """Store synonyms with an index, or show them. Nothing is indexed again.

    A query that holds a term of a rule is searched for the other terms as well, which count half as much. Servers that
    run go on with what they opened.

    Examples:

        lsr synonyms my-index synonyms.txt

        lsr synonyms my-index

        lsr synonyms my-index --clear
    """
    from lsr.core.counted import counted
    from lsr.encoding.lexical.synonyms import read_synonyms
    from lsr.index import Index
    from lsr.search.lexical import store_synonyms

    opened = Index.open(index)
    if clear and rules is not None:
        fail("give rules or --clear, not both")
    if clear or rules is not None:
        stored = [] if rules is None else read_synonyms(rules)
        store_synonyms(opened, stored)
        if as_json:
            print_json({"synonyms": stored})
        else:
            note(f"{index}: {counted(len(stored), 'rules')} stored")
        return
    stored = opened.manifest.synonyms or []
    if as_json:
        print_json({"synonyms": stored})
    elif stored:
        print_text("\n".join(stored))
    else:
        note(f"{index} has no synonyms; lsr synonyms {index} FILE stores some")
