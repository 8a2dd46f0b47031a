"""Lets every call fail by which a collection changes files, one after another, and looks at what is left.

    python benchmarks/live_faults.py [OPERATION...] [--fault once|full|gone] [--stride N] [--output DIR]

Each operation is tried in a process whose system calls are looked at, whatever code makes them. Call after call goes
wrong in three ways: it alone fails (EIO), the disk is full from it on (ENOSPC, a write being cut in half first), or all
calls fail from it on (EIO). Then the calls work again, and this has to hold: the open writer shows what was
acknowledged and nothing that was refused, and takes more writes or says how it is opened again; opened again, the
collection is sound, holds what was acknowledged and nothing that was deleted, and answers as brute force or a new
collection does; the same operation given again succeeds; and no file is left that nothing names. Linux on x86-64 only
(ptrace, seccomp).
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests" / "index" / "collection")]

from faults.calls import Fault, Faults, with_faults  # noqa: E402
from script import add_rows  # noqa: E402

# A case that takes longer hangs.
_MOST_SECONDS = 120


@dataclass
class Outcome:
    """What became of an operation: how many calls it makes, and of how many cases how many failed."""

    operation: str
    calls: int = 0
    cases: int = 0
    failed: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The numbers."""
        return {"calls": self.calls, "cases": self.cases, "failures": self.failed}

    def __str__(self) -> str:
        return f"| `{self.operation}` | {self.calls} | {self.cases} | {self.failed} |"


def try_operation(name: str, kinds: list[Fault], stride: int, work: Path, faults: Faults) -> Outcome:
    """Try one, with every `stride`-th call that goes wrong in each of these ways: of each, other calls."""
    from faults.cases import Case
    from faults.operations import OPERATIONS

    outcome, started = Outcome(name), time.monotonic()
    inputs = work / f"inputs of {name}".replace(" ", "-")
    inputs.mkdir()
    operation = OPERATIONS[name]
    truth = operation.make(inputs)
    folder = work / "tried"

    def run(at: int, fault: Fault) -> int:
        faulthandler.dump_traceback_later(_MOST_SECONDS, exit=True)
        case = Case(operation, inputs, truth, folder, faults)
        try:
            case.run(at, fault)
        except Exception as error:  # the others are still to be tried
            outcome.failed += 1
            made = case.calls[at] if 0 <= at < len(case.calls) else "none"
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"
            outcome.failures.append(f"call {at} ({made}), {fault}: {said[:400]}")
            print(f"  {name}, {outcome.failures[-1]}", flush=True)
        faulthandler.cancel_dump_traceback_later()
        outcome.cases += case.wrong > 0
        return len(case.calls)

    outcome.calls = run(-1, Fault.ONCE)
    for place, fault in enumerate(kinds):
        for at in range(place * stride // len(kinds), outcome.calls, stride):
            run(at, fault)
    outcome.seconds = round(time.monotonic() - started, 1)
    print(outcome, flush=True)
    return outcome


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("operations", nargs="*", metavar="OPERATION", help="default: all")
    parser.add_argument("--fault", action="append", choices=list(Fault), help="one of the ways; default: all")
    parser.add_argument("--stride", type=int, default=1, help="let every N-th call fail (%(default)s)", metavar="N")
    parser.add_argument("--output", type=Path, metavar="DIR", help="put the counts into live_faults.md and .json there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="live-faults-") as name:
        work = Path(name)

        def run(faults: Faults) -> int:
            from faults.operations import OPERATIONS

            kinds = list(map(Fault, arguments.fault or Fault))
            outcomes = [
                try_operation(name, kinds, arguments.stride, work, faults)
                for name in arguments.operations or OPERATIONS
            ]
            if arguments.output:
                rows = {each.operation: each.counts() for each in outcomes}
                add_rows(arguments.output, "live_faults", "Calls that fail while a collection changes files", rows)
            return int(any(each.failed for each in outcomes))

        return with_faults(run, work)


if __name__ == "__main__":
    sys.exit(main())
