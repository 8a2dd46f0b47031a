"""`lsr reproduce`: do our own numbers come out again?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from lsr.cli.console import fail
from lsr.cli.options import Json

Collections = Annotated[
    list[Path] | None,
    typer.Option(help="A BEIR folder, or a folder of them; repeat for more.", show_default=False),
]


def run(
    only: Annotated[
        list[str] | None, typer.Option(help="Run this benchmark, a slow one too; repeat for more.", show_default=False)
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Say what can be run with this data, and run nothing.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Short runs on samples, beside the committed short runs.")
    ] = False,
    collections: Collections = None,
    vectors: Annotated[
        Path | None, typer.Option(help="A folder with docs.parquet and queries.parquet.", show_default=False)
    ] = None,
    training: Annotated[
        Path | None, typer.Option(help="A folder of BEIR folders with training splits.", show_default=False)
    ] = None,
    trec_eval: Annotated[
        Path | None, typer.Option("--trec-eval", help="The test/ folder of trec_eval.", show_default=False)
    ] = None,
    training_sets: Annotated[
        list[str] | None,
        typer.Option("--training-set", metavar="NAME=SET", help="A scored training set; repeat.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder for the new results.")] = Path("lsr-bench"),
    work: Annotated[
        Path | None, typer.Option(help="Keep indexes and other intermediate files here.", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show every number, and not only those that differ.")] = False,
    as_json: Json = False,
) -> None:
    """Measure again what README, docs/numbers and the model cards say, and compare number by number.

    Effectiveness, sizes and counts must come out the same on every machine; times and memory within their noise, on the
    machine that they were measured on. What lacks data or takes hours is "not run", never reproduced. The exit code is
    1 if a number did not come out again. It needs the source: benchmarks are no part of the installed package.

    Examples:

        lsr reproduce --list

        lsr reproduce --collections scifact/ --collections nfcorpus/ --only effectiveness

        lsr reproduce --vectors vectors/ --only engines --json
    """
    script = benchmarks() / "run.py"
    if not script.is_file():
        fail(
            "reproducing needs lsr's source, with its benchmarks and their results, which the installed package does "
            "not have: clone the repository, and run this in its environment"
        )
    command: list[str] = [sys.executable, str(script), "reproduce", "--output", str(out)]
    for flag, values in (
        ("--only", only),
        ("--collections", collections),
        ("--vectors", [vectors] if vectors else None),
        ("--training", [training] if training else None),
        ("--trec-eval", [trec_eval] if trec_eval else None),
        ("--training-sets", training_sets),
        ("--work", [work] if work else None),
    ):
        if values:
            command += [flag, *map(str, values)]
    switches = {"--list": listed, "--quick": quick, "--all": every, "--json": as_json}
    command += [flag for flag, given in switches.items() if given]
    raise typer.Exit(subprocess.run(command).returncode)


def benchmarks() -> Path:
    """The folder of the benchmarks, beside the package in a checkout of the source."""
    return Path(__file__).resolve().parents[2] / "benchmarks"
