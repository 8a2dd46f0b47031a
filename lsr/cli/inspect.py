"""`lsr inspect`: what an index holds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lsr.cli.console import escape, output, print_json
from lsr.cli.options import IndexPath, Json

NAME = "inspect"


def run(
    index: IndexPath,
    document: Annotated[
        str | None, typer.Option("--document", "-d", help="Show this document and its terms instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what an index was made from, with what, and what takes the space.

    With --document, show one document and its terms instead.

    Examples:

        lsr inspect my-index

        lsr inspect my-index --document 4983
    """
    from lsr.index import Index

    opened = Index.open(index)
    if document is not None:
        found = _document(opened, document)
        if as_json:
            print_json(found)
        else:
            _print_document(found)
        return
    description = opened.describe()
    if as_json:
        print_json(description)
    else:
        _print_description(description)


def _document(index: Any, id: str) -> dict[str, Any]:
    row = index.row(id)
    document = index.document_at(row)
    terms, weights = index.vector(row)
    order = (-weights).argsort(kind="stable")
    name = index.vocabulary.term if index.vocabulary else str
    vector = {name(int(terms[i])): round(float(weights[i]), 4) for i in order}
    return {
        "id": document.id,
        "title": document.title,
        "text": document.text,
        "fields": document.fields,
        "vector": vector,
    }


def _print_document(found: dict[str, Any]) -> None:
    for key in ("id", "title", "text"):
        if found[key]:
            output.print(f"[bold]{key}[/]  ", end="")
            output.print(found[key], markup=False)
    for key, value in found["fields"].items():
        output.print(f"{key}: {value}", markup=False)
    terms = " · ".join(f"{term} {weight:.2f}" for term, weight in found["vector"].items())
    output.print(f"[bold]{len(found['vector'])} terms[/]  ", end="")
    output.print(terms, markup=False)


def _print_description(description: dict[str, Any]) -> None:
    rows = _flatten(description)
    width = max(len(key) for key, _ in rows)
    for key, value in rows:
        output.print(f"[bold]{key}[/]{' ' * (width - len(key))}  {escape(value)}".rstrip())


def _flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            rows += _flatten(value, f"{name}.")
        elif isinstance(value, int) and not isinstance(value, bool):
            rows.append((name, f"{value:,}"))
        elif isinstance(value, float):
            rows.append((name, f"{value:.4g}"))
        else:
            rows.append((name, str(value)))
    return rows
