"""`lsr plan`: how many machines does it take?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lsr.cli.console import fail, note, print_json, print_text
from lsr.cli.options import Json


def run(
    documents: Annotated[str, typer.Option(help="How many: 1000000, or 1e9.", show_default=False)],
    qps: Annotated[float, typer.Option(help="Queries a second.")] = 100.0,
    recall: Annotated[float, typer.Option(help="How much of the true ten best to find.")] = 0.95,
    p99_ms: Annotated[float, typer.Option("--p99-ms", help="What 99 of 100 queries shall take at most.")] = 50.0,
    cores: Annotated[int, typer.Option(help="Processors of a machine.")] = 16,
    memory_gib: Annotated[float, typer.Option("--memory-gib", help="Memory of a machine.")] = 64.0,
    copies: Annotated[int, typer.Option(help="How often every shard is there at least.")] = 1,
    terms: Annotated[
        float | None, typer.Option(help="Terms a document. (default: as measured)", show_default=False)
    ] = None,
    text_bytes: Annotated[float, typer.Option("--text-bytes", help="Title, text and fields of a document.")] = 500.0,
    as_json: Json = False,
) -> None:
    """Reckon machines, memory, disk and latency of a collection, by what was measured.

    The figures that it goes by come with lsr; what they leave out is printed with the answer. Measure your own with
    `lsr bench` before you buy.

    Examples:

        lsr plan --documents 1e9 --qps 500 --recall .95

        lsr plan --documents 138e6 --qps 200 --memory-gib 256 --cores 32 --json
    """
    from lsr.build.capacity import Need, assumptions, plan

    need = Need(
        documents=_count(documents),
        qps=qps,
        recall=recall,
        p99_ms=p99_ms,
        cores=cores,
        memory_gib=memory_gib,
        copies=copies,
        terms=terms,
        text_bytes=text_bytes,
    )
    found = plan(need)
    if as_json:
        print_json({**found.to_record(), "assumptions": list(assumptions(need))})
        return
    for name, value in _rows(found, need):
        print_text(f"{name:<12}{value}")
    for each in assumptions(need):
        note(each)


def _count(given: str) -> int:
    """A number of documents, as 1e9 too."""
    try:
        number = float(given.replace(",", "").replace("_", ""))
    except ValueError:
        number = -1.0
    if not 1 <= number < 1e15 or number != int(number):
        fail(f"--documents is a whole number of at least 1, as 1000000 or 1e9, not {given!r}")
    return int(number)


def _rows(found: Any, need: Any) -> list[tuple[str, str]]:
    late = f", over the {need.p99_ms:g} ms that were asked for: nothing measured is faster" if found.slow else ""
    beyond = "; larger than any that was measured" if found.extrapolated else ""
    held = f"{found.memory_gib:,} GiB of indexes on each, of {need.memory_gib:g}"
    machine = f"{need.cores} processors and {need.memory_gib:g} GiB"
    return [
        ("machines", f"{found.machines:,} of {machine}; their number follows from the {found.bound}"),
        ("shards", f"{found.shards:,} of {found.shard_documents:,} documents, {found.copies:,} × each{beyond}"),
        ("memory", f"{held}; {found.index_gib:,} GiB in one copy of all"),
        ("disk", f"{found.disk_gib:,} GiB on each, with room for the next version"),
        ("latency", f"{found.p50_ms:,} ms p50, {found.p99_ms:,} ms p99{late}"),
        ("queries", f"{found.qps:,} a second at most, {need.qps:g} asked for"),
        ("build", f"{found.build_hours:,} hours on all machines, after {found.encode_hours:,} hours of encoding"),
    ]
