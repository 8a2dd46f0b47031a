"""Running the cases of a target in a child process, and judging what becomes of them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SOUND, REFUSED = "sound", "refused"
FAILURES = ("crash", "hang", "memory", "error", "outside")
# To import what a target reads with, and to make its sound files: kernels may have to be compiled.
_START_SECONDS = 300
_EXAMPLES = 20
_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, slots=True)
class Target:
    """A reader, and what it is fed.

    Attributes:
        about: what is damaged, and what reads it, in a line.
        prepare: makes the sound files in an empty folder; gives what `case` needs. Called once in a child process.
        case: damages something, reads it, and leaves everything as it was, so that the next case may begin. An
            `LsrError` that it lets through is a file refused; it returns normally if the reader saw no damage.
        seconds: that a case may take; memory: bytes that the process may take beyond what it has when it is prepared.
    """

    about: str
    prepare: Callable[[Path], Any]
    case: Callable[[Any, np.random.Generator], None]
    seconds: float = 10.0
    memory: int = 1 << 30


@dataclass(slots=True)
class Outcome:
    """What became of the cases of a target.

    Attributes:
        counts: how many were refused, sound, or failed in which way.
        failures: the first of each kind: the number of a case and what happened.
        slowest: seconds of the slowest case; slowest_case: which one.
        peak: bytes, at most, beyond what the process had before the first case.
    """

    target: str
    cases: int
    seed: int
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0
    slowest_case: int = 0
    peak: int = 0

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.most_common())
        lines = [
            f"{self.target}: {self.cases:,} cases in {self.seconds:.0f} s: {counts}; slowest {self.slowest:.2f} s "
            f"(case {self.slowest_case}), at most {self.peak / 2**20:.0f} MiB more"
        ]
        lines += [f"  case {case}: {what}" for what, case in self.failures.items()]
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """The numbers, in seconds and MiB."""
        kinds = {kind: self.counts[kind] for kind in (REFUSED, SOUND, *FAILURES)}
        return {"seed": self.seed, "cases": self.cases, **kinds, "slowest": self.slowest, "MiB": self.peak >> 20}

    def add(self, case: int, result: str, detail: str = "") -> None:
        """Count a case."""
        self.counts[result] += 1
        if result in FAILURES and len(self.failures) < _EXAMPLES:
            self.failures.setdefault(f"{result}: {detail}" if detail else result, case)


def run(name: str, cases: int, *, seed: int = 0, first: int = 0, python: str | Path = sys.executable) -> Outcome:
    """Run so many cases of the target of this name, in as many processes of that Python as crash."""
    from fuzz.registry import TARGETS

    outcome, started = Outcome(name, cases, seed), time.monotonic()
    case, last = first, first + cases
    while case < last:
        case = _run_child(python, name, TARGETS[name], seed, case, last, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def _run_child(
    python: str | Path, name: str, target: Target, seed: int, first: int, last: int, outcome: Outcome
) -> int:
    """Run cases until one of them ends the process, or all are done; give the number of the next one."""
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        command = [python, _CHILD, name, str(seed), str(first), str(last), folder]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path[1:]])}
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(command, env=environment, stdout=writing, stderr=errors)
            os.close(writing)
            try:
                running, reason = _follow(reading, target, outcome)
            finally:
                os.close(reading)
                child.kill()
                ended = child.wait()
            if running is None:
                errors.seek(0)
                raise RuntimeError(f"the child of {name} did not begin: {errors.read().decode(errors='replace')}")
    if running == last:
        return last
    if reason is None:
        name = signal.Signals(-ended).name if ended < 0 else f"exit {ended}"
        outcome.add(running, "crash", name)
    else:
        outcome.add(running, reason)
    return running + 1


def _follow(reading: int, target: Target, outcome: Outcome) -> tuple[int | None, str | None]:
    """Count what a child reports; give the case that it is at, or was to begin, and why it is to be ended, if known."""
    at: int | None = None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        while True:
            if not selector.select(_START_SECONDS if at is None else target.seconds):
                return at, "hang"
            received = os.read(reading, 1 << 16)
            if not received:
                return at, None
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                report = json.loads(line)
                if "result" in report:
                    outcome.add(report["case"], report["result"], report["detail"])
                    outcome.peak = max(outcome.peak, report["grown"])
                    if report["seconds"] > outcome.slowest:
                        outcome.slowest, outcome.slowest_case = report["seconds"], report["case"]
                    at = report["case"] + 1
                else:
                    at = report["case"]
