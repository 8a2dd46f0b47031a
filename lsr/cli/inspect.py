"""`lsr inspect`: what is in an index."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.console import escape, output, print_json
from lsr.cli.options import IndexPath, Json
from lsr.cli.remote import ServerKey, ServerUrl, connected, refuse_key
from lsr.core.counted import counted
from lsr.core.errors import NotFoundError

if TYPE_CHECKING:
    from lsr.client import RemoteCollection


def run(
    context: typer.Context,
    index: IndexPath,
    document: Annotated[
        str | None, typer.Option("--document", "-d", help="Show this document and its terms instead.")
    ] = None,
    server: ServerUrl = None,
    key: ServerKey = None,
    as_json: Json = False,
) -> None:
    """Show what an index was made from, with which model, how it can be searched, and what takes the space.

    An index that `lsr prune` made says so in `pruned by`: the rule, and how many postings it kept.

    With --document, show one document and its terms instead: the heaviest weights of its windows, if it has any.

    Of a collection on a server, show what the server says of it, or a document without its terms.

    Examples:

        lsr inspect my-index

        lsr inspect my-index --document 4983

        lsr inspect birds --server http://localhost:8080
    """
    if server is not None:
        with connected(context, server, key, index) as there:
            _print_there(there, document, as_json)
        return
    refuse_key(context)
    from lsr.index import Index
    from lsr.index.live.inspection import describe_document, space_by_part

    opened = Index.open(index)
    if document is not None:
        found = describe_document(opened, document)
        if as_json:
            print_json(found)
        else:
            _print_document(found)
        return
    description = opened.describe()
    description["space"] = space_by_part(description)
    if as_json:
        print_json(description)
    else:
        _print_description(description)


def _print_there(there: RemoteCollection, document: str | None, as_json: bool) -> None:
    """Print what a server says of a collection, or a document of it."""
    if document is None:
        said = asdict(there.describe())
        if as_json:
            print_json(said)
        else:
            _print_rows(_flatten({key: value for key, value in said.items() if value is not None and value != []}))
        return
    found = there.get(document)
    if found is None:
        raise NotFoundError(f"there is no document {document!r}")
    if as_json:
        print_json(asdict(found))
    else:
        _print_texts(asdict(found))


def _print_texts(found: dict[str, Any]) -> None:
    for key in ("id", "title", "text"):
        if found[key]:
            output.print(f"[bold]{key}[/]  ", end="")
            output.print(found[key], markup=False)
    for key, value in found["fields"].items():
        output.print(f"{key}: {value}", markup=False)


def _print_document(found: dict[str, Any]) -> None:
    _print_texts(found)
    terms = " · ".join(f"{term} {weight:.2f}" for term, weight in found["vector"].items())
    output.print(f"[bold]{counted(len(found['vector']), 'terms')}[/]  ", end="")
    output.print(terms, markup=False)


def _print_description(description: dict[str, Any]) -> None:
    from lsr.vectors.pruning import Pruning

    apart = ("modes", "bytes", "space", "tunings", "prunings", "relevance")
    rows = _flatten({key: value for key, value in description.items() if key not in apart})
    rows.append(("modes", ", ".join(description["modes"])))
    rows += [("pruned by", str(Pruning.from_record(record))) for record in description["prunings"]]
    _print_rows(rows)
    output.print()
    _print_space(description["space"])
    for tuning in description["tunings"]:
        output.print(escape(_tuning_in_words(tuning)))
    for record in description.get("relevance", ()):
        output.print(escape(_calibration_in_words(record, description["documents"])))


def _print_rows(rows: list[tuple[str, str]]) -> None:
    width = max(len(key) for key, _ in rows)
    for key, value in rows:
        output.print(f"[bold]{key}[/]{' ' * (width - len(key))}  {escape(value)}".rstrip())


def _print_space(space: dict[str, dict[str, float]]) -> None:
    from lsr.index import PARTS

    titles = {name: part.title for name, part in PARTS.items()} | {
        "manifest": "this description, and checksums",
        "log": "writes that are not in a segment yet",
    }
    width = max(map(len, space))
    output.print(f"[bold]{'space':{width}}  {'bytes':>15}  {'MB':>9}  {'share':>6}  {'a document':>10}[/]")
    for part, takes in space.items():
        if takes["bytes"]:
            numbers = f"{takes['bytes']:15,.0f}  {takes['bytes'] / 1e6:9,.2f}  {takes['share']:6.1%}"
            holds = f"  {titles[part]}" if part in titles else ""
            output.print(f"{part:{width}}  {numbers}  {takes['bytes_per_document']:10,.1f}{holds}")


def _tuning_in_words(tuning: dict[str, Any]) -> str:
    parameters = "".join(f", {name} {value:g}" for name, value in tuning["parameters"].items())
    return (
        f"tuned for recall {tuning['recall']:g} at k {tuning['k']}: {tuning['mode']}{parameters}: recall "
        f"{tuning['measured_recall']:.4f} in {tuning['mean_us']:.0f} µs on {counted(tuning['queries'], 'queries')}"
    )


def _calibration_in_words(record: dict[str, Any], documents: int) -> str:
    from lsr.search.relevance import Calibration

    found = Calibration.from_record(record)
    how = ", ".join(f"{name} {value}" for name, value in found.search.items() if name != "mode")
    by = "judged queries" if found.judged else "queries of random words"
    old = found.age(documents)
    return (
        f"relevance of {found.search.get('mode')} search{f' ({how})' if how else ''}: by {found.queries:,} {by}"
        + (f", calibration error {found.ece:.3f}" if found.ece is not None else "")
        + (f"; {old}" if old else "")
    )


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
