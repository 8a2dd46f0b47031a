"""The Typer application: the options of `lsr` itself, and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

import lsr
from lsr.cli.commands import Commands

app = typer.Typer(
    name="lsr",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lsr {lsr.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an unexpected error arose; anywhere in a command.")
    ] = False,
) -> None:
    """Learned sparse retrieval: index text with SPLADE-style models, search it, serve it, measure it.

    Start with `lsr demo`, or `lsr index FOLDER -o my-index` and `lsr search my-index "a question"`.
    """
