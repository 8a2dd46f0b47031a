"""What benchmarks have in common: options, writing results, errors, and separate processes.

A script defines its options and how it measures, and ends with

    if __name__ == "__main__":
        sys.exit(main("NAME", __doc__, options, run))

`run` yields a `Report` whenever there is something to write; each replaces the previous one.
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

# Arguments that a result does not depend on.
_PLACES = {"output", "work", "one", "keep"}


@dataclass(frozen=True, slots=True)
class Report:
    """The results so far.

    Attributes:
        markdown: for people: NAME.md.
        values: every number, as JSON values: under "values" in NAME.json.
        name: NAME, if it is not the script's.
        sound: whether what had to hold does: else the exit code is 1.
    """

    markdown: str
    values: Any
    name: str | None = None
    sound: bool = True


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

    `options` adds the script's own to --output and --work. `run` takes the arguments and a folder for intermediate
    files: that of --work, where they are kept and reused, or a temporary one. `apart` measures one thing in a separate
    process, for `measured_apart`, with its name in `arguments.one`.

    Returns 0, 1 if the last report is not sound, or 2 after printing an error that a user can cause.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options(parser)
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep intermediate files here, and reuse them")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR", help="for tables and numbers")
    if apart is not None:
        parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if apart is not None and arguments.one is not None:
        return exit_code(lambda: print(json.dumps(apart(arguments))))
    return exit_code(lambda: measure(name, arguments, run))


def exit_code(run: Callable[[], int | None]) -> int:
    """Run: what it returns, 0 if that is nothing, or 2 after printing an error that a user can cause."""
    try:
        return run() or 0
    except LsrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def measure(name: str, arguments: argparse.Namespace, run: Run) -> int:
    """Write each report; print the last. Return 0, or 1 if that is not sound."""
    started, last = time.perf_counter(), None
    with tempfile.TemporaryDirectory(prefix="lsr-benchmark-") as temporary:
        work: Path = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        for last in run(arguments, work):
            about = circumstances(arguments, time.perf_counter() - started)
            write_report(arguments.output, last.name or name, last, about)
    if last is not None:
        print(last.markdown.rstrip("\n"))
    return int(last is not None and not last.sound)


def write_report(folder: Path, name: str, report: Report, about: Mapping[str, Any]) -> None:
    """Write NAME.md, and NAME.json with the values and their circumstances, replacing old ones."""
    record = {"benchmark": name, **about, "values": report.values}
    for suffix, content in ((".md", report.markdown), (".json", json.dumps(record, indent=1))):
        with atomic_file(folder / f"{name}{suffix}", force=True) as temporary:
            temporary.write_text(content.rstrip("\n") + "\n", encoding="utf-8")


def add_rows(folder: Path, name: str, title: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Put rows, by their names, into the table NAME.md and into NAME.json, in the place of older ones of these names.

    Each says when it was measured, and at which commit: a run need not be of all.
    """
    from lsr.eval.reports.markdown import markdown_table

    path = folder / f"{name}.json"
    found = json.loads(path.read_text(encoding="utf-8"))["values"] if path.exists() else {}
    made = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}
    found |= {row: {**values, **made} for row, values in rows.items()}
    columns = list(dict.fromkeys(column for values in found.values() for column in values))
    shown = [[row, *(str(values.get(column, "")) for column in columns)] for row, values in found.items()]
    write_report(folder, name, Report(f"# {title}\n\n{markdown_table(['', *columns], shown)}", found), {})


def circumstances(arguments: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """The circumstances of a result: time, commit, settings and machine; `load` is that of the last minute."""
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
    """The arguments as JSON values: results are comparable if these are equal. Files are given by name and size."""

    def plain(value: Any) -> Any:
        if isinstance(value, Path):
            return told(value)
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return getattr(value, "value", value)  # of an enumeration

    return {name: plain(value) for name, value in sorted(vars(arguments).items()) if name not in _PLACES}


def told(path: Path) -> str:
    """A file or a collection by name and size, independent of its place on this machine."""
    size = next((each.stat().st_size for each in (path / "corpus.jsonl", path) if each.is_file()), None)
    name = path.resolve().name
    return name if size is None else f"{name}, {size:,} bytes"


def commit() -> str | None:
    """The checked-out commit, with "+" if files differ from it; None outside a repository."""
    try:
        head, changes = (
            subprocess.run(["git", "-C", HERE, *command], capture_output=True, text=True, check=True).stdout.strip()
            for command in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + "+" * bool(changes)


def measured_apart(one: str, *more: str, environment: Mapping[str, str] | None = None) -> Any:
    """Run this script in a separate process with its arguments, `--one ONE` and `more`; return what it measures."""
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
    """Reset VmHWM to what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")
