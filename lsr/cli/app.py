"""The `lsr` command: its subcommands, and how errors leave it."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

import lsr
from lsr.cli import demo, encode, evaluate, index, inspect, models, search, serve, verify
from lsr.cli.console import errors, escape
from lsr.errors import LsrError

app = typer.Typer(
    name="lsr",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (index, search, serve, evaluate, encode, models, inspect, verify, demo):
    app.command(module.NAME)(module.run)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lsr {lsr.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Learned sparse retrieval: index text with SPLADE-style models, search it, serve it, measure it.

    Start with `lsr demo`, or `lsr index FOLDER -o my-index` and `lsr search my-index "a question"`.
    """


def main() -> NoReturn:
    """Run the command line and exit: 0 for success, 2 for a mistake of the caller's, 130 when interrupted."""
    # A killed job cleans up as an interrupted one does.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(standalone_mode=True)
    except LsrError as error:
        errors.print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(2)
    sys.exit(0)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signum)
