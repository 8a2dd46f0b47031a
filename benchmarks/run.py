"""Runs benchmarks, and says what moved since the last results by more than its noise.

    python benchmarks/run.py list
    python benchmarks/run.py run [NAME...] [--quick] [--repeat N] [--collections FOLDER...] [--vectors FOLDER] …
    python benchmarks/run.py compare [BEFORE [AFTER]] [--quick] [--all]
    python benchmarks/run.py reproduce [--only NAME...] [--quick] [--list] [--collections FOLDER...] …

`run` without names runs all benchmarks that take at most 15 minutes and whose data is available; with --quick, short
runs on samples. Without your own data, the corpus of `lsr demo` is used. Results go to the output folder, those of
short runs to its quick/, and are then compared with the last committed ones. `compare` compares any two folders of
results; without names, the committed ones with those in ./lsr-bench. Nothing else should run on the machine at the same
time.

`reproduce` runs them too, and says of each committed number whether it came out again; what lacks data or hours was
not run, which is said of each of its numbers. Its exit code is 1 if a number did not come out again.

The exit code of the others is 1 if a benchmark could not be run, and otherwise 0, whatever moved.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from comparison import Comparison, Record, compare, compared_numbers, markdown
from data import Data, NotGiven, add_options
from registry import BENCHMARKS, TOOLS, Benchmark
from reproduce import Reproduced, judged, not_run
from reproduce import markdown as in_words
from script import HERE, RESULTS, exit_code

from lsr.cli.console import note
from lsr.core.errors import InputError, LsrError
from lsr.core.files import atomic_file
from lsr.eval.reports.markdown import markdown_table

OUTPUT = Path("lsr-bench")
QUICK = "quick"
STDERR = 2


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="list every benchmark with its data and duration")
    running = commands.add_parser("run", help="run benchmarks and compare with the committed results")
    running.add_argument("names", nargs="*", metavar="NAME", help="default: all but the slow ones")
    running.add_argument("--repeat", type=int, default=1, metavar="N", help="from 3 on, the repeats measure the noise")
    running.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help="for results (%(default)s)")
    running.add_argument("--work", type=Path, metavar="FOLDER", help="keep indexes and other intermediate files here")
    add_options(running)
    comparing = commands.add_parser("compare", help="two folders of results")
    comparing.add_argument("before", nargs="?", type=Path, help="default: the committed results")
    comparing.add_argument("after", nargs="?", type=Path, default=OUTPUT, help="default: %(default)s")
    again = commands.add_parser("reproduce", help="say of each committed number whether it comes out again")
    again.add_argument("--only", nargs="+", default=[], metavar="NAME", help="default: all but the slow ones")
    again.add_argument("--list", action="store_true", help="list what can be run with this data, and run nothing")
    again.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help="for results (%(default)s)")
    again.add_argument("--work", type=Path, metavar="FOLDER", help="keep indexes and other intermediate files here")
    add_options(again)
    for command in (running, comparing, again):
        command.add_argument("--quick", action="store_true", help="short runs on samples")
        command.add_argument("--all", action="store_true", help="also list what did not move")
    for command in (listing, running, comparing, again):
        command.add_argument("--json", action="store_true", help="on stdout")
    arguments = parser.parse_args()
    failed: list[str] = []
    code = exit_code(lambda: COMMANDS[arguments.command](arguments, failed))
    if failed:
        what = "did not come out again" if arguments.command == "reproduce" else "could not be run"
        print(f"{what}: {', '.join(failed)}", file=sys.stderr)
    return code or int(bool(failed))


def list_all(arguments: argparse.Namespace, _: list[str]) -> None:
    """List the benchmarks."""
    if arguments.json:
        print(json.dumps({name: asdict(each) | {"slow": each.slow} for name, each in BENCHMARKS.items()}, indent=1))
        return
    rows = [
        [
            name,
            each.about,
            " ".join(each.data) or "its own",
            f"{each.minutes:g}{' (slow)' if each.slow else ''}",
            "" if each.quick is None else f"{each.quick_minutes:g}",
            each.page,
        ]
        for name, each in BENCHMARKS.items()
    ]
    print(markdown_table(["benchmark", "measures", "data", "minutes", "short run", "shown in"], rows))
    print("\nTools:\n" + "\n".join(f"- {name}.py {about}" for name, about in TOOLS.items()))


def run(arguments: argparse.Namespace, failed: list[str]) -> None:
    """Run benchmarks, and compare the results with the committed ones."""
    names = chosen(arguments.names, quick=arguments.quick)
    if arguments.repeat < 1:
        raise InputError("--repeat must be at least 1")
    output = arguments.output / QUICK if arguments.quick else arguments.output
    # Read first: they may be about to be replaced.
    before = {result: committed(result, arguments.quick) for name in names for result in results_of(name)}
    done: list[str] = []
    with tempfile.TemporaryDirectory(prefix="lsr-bench-") as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        data = Data.given(arguments, work, quick=arguments.quick)
        for name in names:
            try:
                given = data.arguments(BENCHMARKS[name].data)
            except NotGiven as reason:
                if name in arguments.names:
                    raise InputError(f"{name} {reason}") from None
                note(f"{name} left out: it {reason}")
                continue
            (done if run_one(name, given, work, output, arguments) else failed).append(name)
    after = {result: read(output / f"{result}.json") for name in done for result in results_of(name)}
    show([compare(result, of(result), before[result], record) for result, record in after.items() if record], arguments)


def reproduce_all(arguments: argparse.Namespace, failed: list[str]) -> None:
    """Run what can be run, and put every committed number beside what comes out now."""
    named = chosen(arguments.only, quick=arguments.quick)
    names = arguments.only or list(BENCHMARKS)
    output = arguments.output / QUICK if arguments.quick else arguments.output
    before = {result: committed(result, arguments.quick) for name in names for result in results_of(name)}
    stale = [] if arguments.list or arguments.only else stale_tables()
    found: list[Reproduced] = []
    with tempfile.TemporaryDirectory(prefix="lsr-reproduce-") as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        data = Data.given(arguments, work, quick=arguments.quick)
        arguments.repeat = 1
        for name in names:
            benchmark, why = BENCHMARKS[name], ""
            if name not in named:
                short = arguments.quick and benchmark.quick is None
                why = (
                    "it has no short run"
                    if short
                    else f"it takes about {benchmark.minutes:g} minutes: name it to run it"
                )
            elif reason := data.lacks(benchmark.data):
                why = f"it {reason}"
            elif arguments.list:
                minutes = benchmark.quick_minutes if arguments.quick else benchmark.minutes
                why = f"it can be run, in about {minutes:g} minutes"
            elif not run_one(name, data.arguments(benchmark.data), work, output, arguments):
                why = "its script ended with an error"
                failed.append(name)
            for result in results_of(name):
                record = None if why else read(output / f"{result}.json")
                if not why and record is None:
                    why = "it wrote no such result"
                one = (
                    not_run(result, benchmark, before[result], why)
                    if record is None
                    else judged(result, benchmark, before[result], record)
                )
                found.append(one)
                if one.failed:
                    failed.append(result)
    failed += stale
    if arguments.json:
        print(json.dumps({"results": [each.to_record() for each in found], "stale_tables": stale}, indent=1))
    else:
        print(in_words(found, stale, everything=arguments.all))


def stale_tables() -> list[str]:
    """The pages whose tables are not what the committed results say: all of docs/numbers, and the README."""
    command = [sys.executable, HERE.parent / "docs" / "tools" / "tables.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    return (
        [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()] if done.returncode else []
    )


def run_one(name: str, given: list[str], work: Path, output: Path, arguments: argparse.Namespace) -> bool:
    """Run a script as often as requested; return whether it succeeded. Its output goes to stderr."""
    benchmark = BENCHMARKS[name]
    options = benchmark.quick if arguments.quick else benchmark.options
    repeats: list[dict[str, float]] = []
    for number in range(arguments.repeat):
        note(f"\n== {name}" + (f", {number + 1} of {arguments.repeat}" if arguments.repeat > 1 else ""))
        # Work is kept between benchmarks, not between repeats: building is measured too.
        with tempfile.TemporaryDirectory(dir=work, prefix=f"{name}-") as temporary:
            own = work / name if arguments.work and arguments.repeat == 1 else Path(temporary)
            command = [sys.executable, HERE / f"{benchmark.script}.py", *given, *(options or ())]
            command += ["--work", own, "--output", output]
            if subprocess.run(list(map(str, command)), stdout=STDERR).returncode:
                return False
        for result in results_of(name):
            record = read(output / f"{result}.json")
            if record is not None:
                repeats.append(compared_numbers(record["values"], benchmark))
                if arguments.repeat > 1:
                    write(output / f"{result}.json", {**record, "repeats": repeats})
    return True


def compare_folders(arguments: argparse.Namespace, _: list[str]) -> None:
    """Compare two folders."""
    before, after = (
        (each / QUICK if each and arguments.quick else each) for each in (arguments.before, arguments.after)
    )
    names = [result for name in BENCHMARKS for result in results_of(name) if (after / f"{result}.json").exists()]
    if not names:
        raise InputError("no results found there", source=str(after))
    old = {
        name: committed(name, arguments.quick) if before is None else read(before / f"{name}.json") for name in names
    }
    show([compare(name, of(name), old[name], read(after / f"{name}.json")) for name in names], arguments)


def show(comparisons: list[Comparison], arguments: argparse.Namespace) -> None:
    """Print the comparison to stdout."""
    if arguments.json:
        records = [
            {
                "benchmark": each.benchmark,
                "rows": [{**asdict(row), "ratio": row.ratio} for row in each.rows],
                "notes": each.notes,
            }
            for each in comparisons
        ]
        print(json.dumps(records, indent=1))
    else:
        print(markdown(comparisons, everything=arguments.all))


def chosen(names: list[str], *, quick: bool) -> list[str]:
    """The benchmarks with these names, or the default set."""
    for name in names:
        if name not in BENCHMARKS:
            raise InputError(f"no benchmark {name!r}: there are {', '.join(BENCHMARKS)}")
        if quick and BENCHMARKS[name].quick is None:
            raise InputError(f"{name} has no short run")
    if names:
        return names
    return [name for name, each in BENCHMARKS.items() if (each.quick is not None if quick else not each.slow)]


def results_of(name: str) -> tuple[str, ...]:
    """Names of a benchmark's results."""
    return BENCHMARKS[name].results or (name,)


def of(result: str) -> Benchmark:
    """The benchmark that a result belongs to."""
    return next(each for name, each in BENCHMARKS.items() if result in results_of(name))


def committed(result: str, quick: bool) -> Record | None:
    """The result as of the last commit or, outside a repository, as it is on disk.

    A short run that has the options of the whole one is that one, unless it was committed as well.
    """
    whole = not quick or of(result).quick == of(result).options
    for name in ([f"{QUICK}/{result}"] if quick else []) + ([result] if whole else []):
        path = f"benchmarks/results/{name}.json"
        shown = subprocess.run(["git", "-C", HERE.parent, "show", f"HEAD:{path}"], capture_output=True, text=True)
        record = json.loads(shown.stdout) if shown.returncode == 0 else read(RESULTS / f"{name}.json")
        if record is not None:
            return record
    return None


def read(path: Path) -> Record | None:
    """Read a record, if there is one."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LsrError(f"{path} is not valid JSON: {error}") from None
    return record


def write(path: Path, record: Record) -> None:
    """Write a record, replacing an old one."""
    with atomic_file(path, force=True) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


COMMANDS = {"list": list_all, "run": run, "compare": compare_folders, "reproduce": reproduce_all}

if __name__ == "__main__":
    sys.exit(main())
