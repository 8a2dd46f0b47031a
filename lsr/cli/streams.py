"""The standard streams as a command finds them: closed, of another encoding, or full."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Of a process that SIGPIPE ends, as it does most tools, by a shell's count.
READER_GONE = 141


class ReaderGone(Exception):
    """What was printed has no reader any more, as in `lsr … | head -1`: nothing is left to do, and nothing to say."""


@contextmanager
def meeting_readers_that_go() -> Iterator[None]:
    """ReaderGone in place of what a write to a closed pipe becomes: BrokenPipeError, or of rich an exit with 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except SystemExit as exit:
        if exit.code == 1:
            raise ReaderGone from exit
        raise


def prepare_streams() -> None:
    """Open what is closed, so that no file takes its place, and let every character be written somehow."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _opened(number))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # it flushes what was written before, which is for `flush_stdout` to report
                stream.reconfigure(errors="replace")


def _opened(number: int) -> io.TextIOWrapper:
    """A stream of that number: nothing can be read from it, writing answers to it fails, errors and notes are lost."""
    try:
        os.fstat(number)
    except OSError:
        descriptor = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
        if descriptor != number:
            os.dup2(descriptor, number)
            os.close(descriptor)
    return open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)


def flush_stdout() -> None:
    """Write what is still to be written. OSError names stdout."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try again at exit, and complain on its own.
        with suppress(OSError):
            sys.stdout.detach() if isinstance(sys.stdout, io.TextIOWrapper) else None
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        if error.filename is None:
            error.filename = "stdout"
        raise
