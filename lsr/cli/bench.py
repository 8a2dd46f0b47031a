"""`lsr bench`: how fast is search, compared with other engines?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import fail, note, print_json, print_text, progress_bar
from lsr.cli.options import Force, Json
from lsr.cli.useless import refuse

if TYPE_CHECKING:
    from lsr.eval.bench import BenchResult


def run(
    context: typer.Context,
    documents: Annotated[Path, typer.Argument(metavar="DOCUMENTS", help="A file of vectors.", show_default=False)],
    queries: Annotated[Path, typer.Argument(metavar="QUERIES", help="Another.", show_default=False)],
    k: Annotated[list[str], typer.Option("--k", "-k", help="Numbers of hits: repeat, or separate by commas.")] = ["10"],  # noqa: B006
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="seismic, bmp, kannolo, sindi, pisa, qdrant, zvec, taat (plain term-at-a-time search), or none. "
            "(default: all installed)"
        ),
    ] = None,
    threads: Annotated[
        list[str], typer.Option(help="Threads for batch searches. Latency is always measured on one thread.")
    ] = ["1"],  # noqa: B006
    build_threads: Annotated[int | None, typer.Option(min=1, help="Threads for every build. (default: all)")] = None,
    configurations: Annotated[
        str, typer.Option(help="How many configurations of each engine: quick or full.")
    ] = "quick",
    query_count: Annotated[
        int | None, typer.Option("--queries", min=2, help="Use only this many, the first ones.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each configuration; a query's best time counts.")] = 3,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the indexes here, and use a peer's again that is already here."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for bench.md, bench.json, bench.png and bench.svg.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Measure latency, recall, size and build time on your vectors, compared with other engines.

    Builds every index, measures all in one run, and reports the fastest at each recall; parameters are chosen on half
    of the queries and reported on the other. Nothing else should run meanwhile. An engine that crashes is left out.

    Examples:

        lsr bench docs.parquet queries.parquet --against seismic,bmp

        lsr bench docs.parquet queries.parquet --k 10,100,1000 --against none --json

        lsr bench docs.parquet queries.parquet --against kannolo,sindi --configurations full --keep indexes
    """
    from lsr.core.files import check_folder
    from lsr.eval.bench import BenchSettings, Effort, bench
    from lsr.eval.bench.engines import PEERS
    from lsr.eval.bench.report import markdown

    if configurations not in list(Effort):
        fail(f"--configurations must be quick or full, not {configurations!r}")
    names = list(PEERS) if against is None else _split(against)
    settings = BenchSettings(
        ks=_numbers("--k", k),
        against=() if names == ["none"] else tuple(names),
        effort=Effort(configurations),
        batch_threads=_numbers("--threads", threads),
        build_threads=build_threads,
        rounds=rounds,
        limit=query_count,
    )
    settings.check()
    if out is None:
        refuse(context, "is for the files of --output: name their folder, or leave it out", "force")
    else:
        _check_outputs(out, force)
    if keep is not None:
        check_folder(keep)
    result = bench(documents, queries, settings, folder=keep, stages=progress_bar, note=note)
    # What was measured is shown, whatever becomes of the files.
    if as_json:
        print_json({"rows": [row.to_record() for row in result.rows]})
    else:
        print_text(markdown(result), end="")
    if out is not None:
        _save(result, out)


def _split(values: list[str]) -> list[str]:
    return list(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def _numbers(option: str, values: list[str]) -> tuple[int, ...]:
    try:
        return tuple(int(value) for value in _split(values))
    except ValueError:
        fail(f"{option} takes whole numbers, not {', '.join(values)!r}")


def _check_outputs(folder: Path, force: bool) -> None:
    from lsr.core.files import check_file
    from lsr.core.unfinished import announce

    for suffix in (".md", ".json", ".png", ".svg"):
        announce(folder / f"bench{suffix}")
        check_file(folder / f"bench{suffix}", force=force)


def _save(result: BenchResult, folder: Path) -> None:
    from lsr.core.errors import MissingDependencyError
    from lsr.core.files import atomic_file
    from lsr.core.plotting import SUFFIXES
    from lsr.eval.bench.plot import save_plot
    from lsr.eval.bench.report import markdown

    contents = {
        ".md": f"# Benchmark\n\n{markdown(result)}",
        ".json": json.dumps(result.to_record(), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    for suffix, content in contents.items():
        with atomic_file(folder / f"bench{suffix}", force=True) as temporary:
            temporary.write_text(content, encoding="utf-8")
    try:
        save_plot(result.rows, [folder / f"bench{suffix}" for suffix in SUFFIXES])
    except MissingDependencyError as error:
        note(f"no plot: {error}")
