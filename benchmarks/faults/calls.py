"""System calls that fail on request, in a process whose calls are looked at by another one.

The process names a folder that there is not, to say from which call on what is to go wrong; who looks at its calls
takes that as a request, and says in a pipe which calls there were.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from kills.tracer import Call, trace


class Fault(StrEnum):
    """What happens at a call.

    ONCE: it fails (EIO), and those after it are made. FULL: from it on, whatever needs room fails (ENOSPC); a write is
    cut in half before that. GONE: from it on, all fail (EIO).
    """

    ONCE = "once"
    FULL = "full"
    GONE = "gone"


_REQUEST = "calls that fail"


class Faults:
    """Asks for faults, in the process that is looked at; those of calls below `folder`."""

    def __init__(self, folder: Path, answers: int) -> None:
        self._folder, self._answers = folder, os.fdopen(answers, encoding="utf-8")

    def begin(self, at: int, fault: Fault) -> None:
        """From now on, count calls from 0, and let number `at` go wrong, if it is not below 0."""
        self._ask("begin", at, fault)

    def end(self) -> tuple[list[str], int]:
        """Let all go well again; (the names of the calls since `begin`, how many of them went wrong)."""
        self._ask("end")
        names, wrong = json.loads(self._answers.readline())
        return names, wrong

    def _ask(self, *words: object) -> None:
        with suppress(OSError):
            os.rmdir(self._folder / f"{_REQUEST} {json.dumps(words)}")  # noqa: PTH106


class _Looker:
    """Looks at the calls of the process, and lets them fail."""

    def __init__(self, folder: Path, answers: int) -> None:
        self._inside, self._answers = os.fsencode(folder.resolve()), answers
        self._at, self._fault, self._wrong = -1, Fault.ONCE, 0
        self._names: list[str] | None = None

    def __call__(self, call: Call) -> None:
        if call.name == "rmdir":
            _, request, words = os.fsdecode(call.paths[0]).partition(_REQUEST)
            if request:
                call.fail(errno.ENOENT)
                self._take(*json.loads(words))
                return
        if self._names is None or not call.changes(self._inside):
            return
        number = len(self._names)
        self._names.append(call.name)
        if self._at >= 0 and number >= self._at:
            self._go_wrong(call)

    def _take(self, word: str, at: int = -1, fault: str = "once") -> None:
        if word == "begin":
            self._at, self._fault, self._wrong, self._names = at, Fault(fault), 0, []
        elif self._names is not None:
            os.write(self._answers, json.dumps([self._names, self._wrong]).encode() + b"\n")
            self._names = None

    def _go_wrong(self, call: Call) -> None:
        first = not self._wrong
        if self._fault is Fault.FULL:
            if not call.needs_room:
                return
            if not (first and call.shorten()):
                call.fail(errno.ENOSPC)
        elif first or self._fault is Fault.GONE:
            call.fail(errno.EIO)
        else:
            return
        self._wrong += 1


def with_faults(function: Callable[[Faults], int], folder: Path) -> int:
    """Run a function in a process of its own, in which calls below `folder` can be made to fail; its exit code."""
    reading, writing = os.pipe()
    try:
        return trace(lambda: function(Faults(folder, reading)), _Looker(folder, writing))
    finally:
        os.close(reading)
        os.close(writing)
