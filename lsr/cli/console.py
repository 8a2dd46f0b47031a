"""What a person sees: errors and progress on stderr, answers on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from lsr.core.files import naming

__all__ = ["Interrupted", "errors", "escape", "fail", "note", "output", "print_json", "progress_bar"]

errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, soft_wrap=True)

# How often progress is written where it cannot be redrawn (a log file, a pipe).
_LOG_SECONDS = 10.0


class Interrupted(Exception):
    """Ctrl-C, with more to say than that."""


def fail(message: str) -> NoReturn:
    """Print an error and exit with code 2."""
    errors.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(2)


def note(message: str) -> None:
    """Print a remark on stderr."""
    errors.print(escape(message))


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    plain = not sys.stdout.encoding or sys.stdout.encoding.lower().replace("-", "") != "utf8"
    with naming("stdout"):
        sys.stdout.write(json.dumps(value, ensure_ascii=plain, indent=2, allow_nan=False) + "\n")


@contextmanager
def progress_bar(description: str, total: int | None, unit: str = "documents") -> Iterator[Callable[[int], None]]:
    """Give a function that takes the number of items just finished.

    A bar with rate and time left on a terminal; elsewhere a line every ten seconds and one at the end.
    """
    if errors.is_terminal:
        from lsr.cli.bar import bar

        with bar(errors, description, total, unit) as advance:
            yield advance
    else:
        log = _ProgressLog(description, total, unit)
        yield log.advance
        log.write()


class _ProgressLog:
    def __init__(self, description: str, total: int | None, unit: str) -> None:
        self.description, self.total, self.unit = description, total, unit
        self.done = 0
        self.start = self.written = time.monotonic()

    def advance(self, count: int) -> None:
        self.done += count
        if time.monotonic() - self.written >= _LOG_SECONDS:
            self.write()

    def write(self) -> None:
        self.written = time.monotonic()
        rate = self.done / max(self.written - self.start, 1e-9)
        line = f"{self.description}: {self.done:,}"
        if self.total:
            line += f" of {self.total:,}"
        line += f" {self.unit}, {rate:,.0f}/s"
        if self.total and 0 < self.done < self.total:
            line += f", {(self.total - self.done) / rate:,.0f} s left"
        errors.print(line)
