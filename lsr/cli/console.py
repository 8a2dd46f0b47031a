"""Output for people: errors and progress on stderr, answers on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.markup import escape

from lsr.cli.harmless import HarmlessConsole, harmless_json, print_text
from lsr.core.files import naming
from lsr.core.progress import in_speed

__all__ = ["Interrupted", "errors", "escape", "fail", "note", "output", "print_json", "print_text", "progress_bar"]

errors = HarmlessConsole(stderr=True, highlight=False, soft_wrap=True)
output = HarmlessConsole(highlight=False, soft_wrap=True)

# Seconds between progress lines where they cannot be redrawn (a log file, a pipe).
_LOG_SECONDS = 10.0


class Interrupted(Exception):
    """Ctrl-C, with a message."""


def fail(message: str) -> NoReturn:
    """Print an error and exit with code 2."""
    errors.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(2)


def note(message: str) -> None:
    """Print a note on stderr."""
    errors.print(escape(message))


def print_json(value: Any) -> None:
    """Print a JSON value on stdout."""
    plain = not sys.stdout.encoding or sys.stdout.encoding.lower().replace("-", "") != "utf8"
    text = harmless_json(json.dumps(value, ensure_ascii=plain, indent=2, allow_nan=False))
    with naming("stdout"):
        sys.stdout.write(text + "\n")


@contextmanager
def progress_bar(description: str, total: int | None, unit: str = "documents") -> Iterator[Callable[[int], None]]:
    """Give a function that takes the number of items just finished.

    A bar with rate and time left on a terminal; elsewhere a line every ten seconds and one at the end. Its `remark`
    shows words beside the count.
    """
    if errors.is_terminal:
        from lsr.cli.bar import bar

        with bar(errors, description, total, unit) as advance:
            yield advance
    else:
        log = _ProgressLog(description, total, unit)
        yield log
        if log.done or total is not None:  # of work whose amount was not known, and was none, nothing need be said
            log.write()


class _ProgressLog:
    def __init__(self, description: str, total: int | None, unit: str) -> None:
        self.description, self.total, self.unit = description, total, unit
        self.done, self.words = 0, ""
        self.start = self.written = time.monotonic()

    def remark(self, words: str) -> None:
        self.words = words

    def __call__(self, count: int) -> None:
        self.done += count
        if time.monotonic() - self.written >= _LOG_SECONDS:
            self.write()

    def write(self) -> None:
        self.written = time.monotonic()
        rate = self.done / max(self.written - self.start, 1e-9)
        line = f"{self.description}: {self.done:,}"
        if self.total:
            line += f" of {self.total:,}"
        line += f" {self.unit}"
        if self.done:
            line += f", {in_speed(rate, self.unit)}"
        if self.total and 0 < self.done < self.total:
            line += f", {(self.total - self.done) / rate:,.0f} s left"
        errors.print(escape(", ".join([line, self.words] if self.words else [line])))
