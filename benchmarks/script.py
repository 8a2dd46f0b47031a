"""What every benchmark is made of: its options, where results go and how, how a mistake ends, processes of their own.

A script says what options it has and how it measures, and ends with

    if __name__ == "__main__":
        sys.exit(main("NAME", __doc__, options, run))

`run` gives a `Report` whenever there is something to write; each replaces the one before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lsr.core.errors import LsrError
from lsr.core.files import atomic_file

HERE = Path(__file__).parent
RESULTS = HERE / "results"

# What a result does not depend on.
_PLACES = {"output", "work", "one", "keep"}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found so far.

    Attributes:
        markdown: for people: NAME.md.
        values: every number, as JSON values: under "values" in NAME.json.
        name: NAME, where it is not the script's.
    """

    markdown: str
    values: Any
    name: str | None = None


Run = Callable[[argparse.Namespace, Path], Iterable[Report]]


def main(
    name: str,
    description: str | None,
    options: Callable[[argparse.ArgumentParser], None],
    run: Run,
    *,
    apart: Callable[[argparse.Namespace], Any] | None = None,
) -> int:
    """Read the command line, measure, write each report and print the last.

    `options` adds the script's own to --output and --work. `run` takes the arguments and a folder for what is made on
    the way: that of --work, where it stays and is used again, or a temporary one. `apart` measures one thing in a
    process of its own, for `measured_apart`, with its name in `arguments.one`.

    Returns 0, or 2 after the message of an error that a user can cause.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options(parser)
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep what is made on the way here, to use it again")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR", help="for tables and numbers")
    if apart is not None:
        parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if apart is not None and arguments.one is not None:
        return exit_code(lambda: print(json.dumps(apart(arguments))))
    return exit_code(lambda: measure(name, arguments, run))


def exit_code(run: Callable[[], None]) -> int:
    """Run: 0, or 2 after the message of an error that a user can cause."""
    try:
        run()
    except LsrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def measure(name: str, arguments: argparse.Namespace, run: Run) -> None:
    """Write each report; print the last."""
    started, last = time.perf_counter(), None
    with tempfile.TemporaryDirectory(prefix="lsr-benchmark-") as temporary:
        work: Path = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for last in run(arguments, work):
            about = circumstances(arguments, time.perf_counter() - started)
            write_report(arguments.output, last.name or name, last, about)
    if last is not None:
        print(last.markdown.rstrip("\n"))


def write_report(folder: Path, name: str, report: Report, about: Mapping[str, Any]) -> None:
    """NAME.md, and NAME.json with the values and what they were measured with, in place of what is there."""
    record = {"benchmark": name, **about, "values": report.values}
    for suffix, content in ((".md", report.markdown), (".json", json.dumps(record, indent=1))):
        with atomic_file(folder / f"{name}{suffix}", force=True) as temporary:
            temporary.write_text(content.rstrip("\n") + "\n", encoding="utf-8")


def circumstances(arguments: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """When, of which commit, with what settings and on which machine; `load` is that of the last minute."""
    from lsr.eval.measures.machine import describe_machine

    load = None
    with suppress(OSError, AttributeError):
        load = round(os.getloadavg()[0], 2)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "seconds": round(seconds, 1),
        "settings": settings_of(arguments),
        "machine": {**describe_machine(), "load": load},
    }


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments as JSON values: results can be compared if these are equal. Files are told by name and size."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return told(value)
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return getattr(value, "value", value)  # of an enumeration

    return {name: plain(value) for name, value in sorted(vars(arguments).items()) if name not in _PLACES}


def told(path: Path) -> str:
    """A file or a collection, by name and size and not by where it lies on this machine."""
    size = next((each.stat().st_size for each in (path / "corpus.jsonl", path) if each.is_file()), None)
    name = path.resolve().name
    return name if size is None else f"{name}, {size:,} bytes"


def commit() -> str | None:
    """The commit that is checked out, with "+" if files differ from it; None outside a repository."""
    try:
        head, changes = (
            subprocess.run(["git", "-C", HERE, *command], capture_output=True, text=True, check=True).stdout.strip()
            for command in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + "+" * bool(changes)


def measured_apart(one: str, *more: str, environment: Mapping[str, str] | None = None) -> Any:
    """What this script measures in a process of its own, with its arguments, `--one ONE` and `more`."""
    command = [sys.executable, *sys.argv, "--one", one, *more]
    done = subprocess.run(command, env=os.environ | (environment or {}), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise LsrError(f"{one} could not be measured: its process ended with {done.returncode}")
    return json.loads(done.stdout)


def resident(field: str) -> int:
    """VmRSS or VmHWM of this process in bytes, from Linux's /proc."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(f"{field}:")).split()[1]) * 1024


def reset_peak() -> None:
    """Let VmHWM start from what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")
