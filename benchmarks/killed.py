"""Kills each command that writes before every file-system call that it makes, and gives it again.

    python benchmarks/killed.py [COMMAND...] [--stride N] [--output DIR]

For n = 1, 2, … the command runs in a child process, forked from this one, until it is about to make its n-th call that
can change the file system below its folder; there it is killed (SIGKILL), whatever code makes the call: Python,
pyarrow, faiss, safetensors or torch. Then the very same command runs undisturbed. It must end as one that nothing
disturbed, and leave the same files, byte by byte, and no other file or folder. What differs by chance is made alike
first: random names of segments and parts, times, seconds. What `add` and `delete` leave is compared as one segment, for
their log says what was written twice. Linux on x86-64 only (ptrace, seccomp).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from kills.commands import COMMANDS, Command, make_inputs
from kills.compare import differences, snapshot
from kills.tracer import run_traced, run_untraced
from script import add_rows

_LAST = 3


@dataclass
class Outcome:
    """What became of a command.

    Attributes:
        calls: that it makes undisturbed; kills: runs that were killed, of which so many reruns failed.
        failures: how they failed, with the number of the call before which the run was killed.
    """

    command: str
    calls: int = 0
    kills: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The numbers."""
        return {"calls": self.calls, "kills": self.kills, "failures": self.failed}

    def __str__(self) -> str:
        lines = [
            f"{self.command}: {self.calls} calls, {self.kills} kills, {self.failed} failures, {self.seconds:.0f} s"
        ]
        return "\n".join([*lines, *(f"  {failure}" for failure in self.failures[:10])])


def try_command(name: str, inputs: Path, stride: int = 1, first: int = 1, most: int | None = None) -> Outcome:
    """Kill the command of this name before every `stride`-th of its calls, and its last; run it again each time.

    Among the last is what a command does once its output is in place.
    """
    command, outcome, started = COMMANDS[name], Outcome(name), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="killed-") as work:
        folder = Path(work) / "case"
        _prepare(command, inputs, folder)
        _warm(command, folder)
        _prepare(command, inputs, folder)
        status, outcome.calls = run_traced(_main_of(command), folder, None)
        assert status == command.code, f"{name}: exit code {status} without a kill"
        expected = _left(command, folder)
        ends = range(max(first, outcome.calls - _LAST), outcome.calls + 1)
        for call in sorted({*range(first, outcome.calls + 1, stride), *ends}):
            if most is not None and outcome.kills >= most:
                break
            _prepare(command, inputs, folder)
            status, _ = run_traced(_main_of(command), folder, call)
            outcome.kills += status == -9
            status = run_untraced(_main_of(command), folder)
            problems = (
                differences(expected, _left(command, folder))
                if status == command.code
                else [f"exit code {status}: {_last_words(folder)}"]
            )
            if problems:
                outcome.failed += 1
                outcome.failures.append(f"call {call}: {problems[0]}")
    outcome.seconds = time.monotonic() - started
    return outcome


def _prepare(command: Command, inputs: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in command.inputs:
        source = inputs / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)  # with its time: what is made of it is named by that
    if command.earlier is not None:
        assert run_untraced(_earlier_of(command.earlier), folder) == 0


def _earlier_of(earlier: Callable[[], None]) -> Callable[[Path], int]:
    def run(folder: Path) -> int:
        os.chdir(folder)
        earlier()
        return 0

    return run


def _warm(command: Command, folder: Path) -> None:
    """Run the command in this process, so that its children need not import, nor load kernels."""
    if not command.forks:
        assert run_untraced(_main_of(command), folder) == command.code, _last_words(folder)
        return
    before, streams = Path.cwd(), (os.dup(1), os.dup(2))
    try:
        code = _main_of(command)(folder)
    finally:
        os.chdir(before)
        for number, stream in enumerate(streams, start=1):
            os.dup2(stream, number)
            os.close(stream)
    assert code == command.code, _last_words(folder)


def _main_of(command: Command) -> Callable[[Path], int]:
    def run(folder: Path) -> int:
        os.chdir(folder)
        words = os.open(folder.parent / "words", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(words, 1)
        os.dup2(words, 2)
        sys.argv = ["lsr", *command.arguments]
        command.before()
        from lsr.cli.app import main

        try:
            main()
        except SystemExit as exit:
            return int(exit.code or 0)
        except BaseException:
            traceback.print_exc()
            return 99

    return run


def _left(command: Command, folder: Path) -> dict[str, str]:
    """What the command left, once a collection whose log depends on the kill is one segment."""
    if command.compacted is not None:
        compact = replace(command, arguments=("compact", command.compacted), code=0)
        assert run_untraced(_main_of(compact), folder) == 0, _last_words(folder)
    return snapshot(folder)


def _last_words(folder: Path) -> str:
    lines = (folder.parent / "words").read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing said"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of {', '.join(COMMANDS)}; default: all")
    parser.add_argument("--stride", type=int, default=1, help="kill before every N-th call (%(default)s)", metavar="N")
    parser.add_argument("--first", type=int, default=1, help="the first call (%(default)s)", metavar="N")
    parser.add_argument("--most", type=int, help="kills, at most, of each command", metavar="N")
    parser.add_argument("--output", type=Path, metavar="DIR", help="put the counts into killed.md and .json there")
    arguments = parser.parse_args()
    for name in arguments.commands:
        if name not in COMMANDS:
            parser.error(f"no command {name!r}; there are {', '.join(COMMANDS)}")
    with tempfile.TemporaryDirectory(prefix="killed-inputs-") as inputs:
        make_inputs(Path(inputs))
        outcomes = []
        for name in arguments.commands or COMMANDS:
            outcome = try_command(name, Path(inputs), arguments.stride, arguments.first, arguments.most)
            outcomes.append(outcome)
            print(outcome, flush=True)
    if arguments.output:
        rows = {each.command: each.counts() for each in outcomes}
        add_rows(arguments.output, "killed", "Commands killed before their calls, and given again", rows)
    return int(any(outcome.failed for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
