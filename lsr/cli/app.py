"""The `lsr` command: its subcommands, and how it reports errors."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

import lsr
from lsr.cli.commands import Commands
from lsr.cli.console import Interrupted, errors, escape, note
from lsr.cli.remedies import in_flags
from lsr.core.errors import LsrError

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
) -> None:
    """Learned sparse retrieval: index text with SPLADE-style models, search it, serve it, measure it.

    Start with `lsr demo`, or `lsr index FOLDER -o my-index` and `lsr search my-index "a question"`.
    """


def main() -> NoReturn:
    """Run the command line and exit: 0 for success, 2 for errors that the caller can fix, 130 when interrupted."""
    # A terminated job cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        try:
            app(standalone_mode=True)
        finally:
            _flush_stdout()
    except LsrError as error:
        _exit_with(error.message(in_flags))
    except OSError as error:
        if error.errno == errno.EPIPE:
            sys.exit(1)
        _exit_with(_reason(error))
    except Interrupted as interruption:
        note(str(interruption))
        sys.exit(130)
    except SystemExit as exit:
        if exit.code == 130:
            note("interrupted")
        raise
    sys.exit(0)


def _exit_with(message: str) -> NoReturn:
    errors.print(f"[bold red]error:[/] {escape(message)}")
    sys.exit(2)


def _reason(error: OSError) -> str:
    """Describe a full disk, a read-only folder or a lost network: which file, what, and what is kept."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        if isinstance(error, FileExistsError) and not Path(error.filename).is_dir():
            reason = "is a file, but a folder is needed"
        reason = f"{error.filename}: {reason}"
    return "; ".join([reason, *getattr(error, "__notes__", ())])


def _flush_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again at exit, and complain on its own.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        raise


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + signum)
