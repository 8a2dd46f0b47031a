"""Feeds damaged and hostile files to the readers of lsr, and counts what becomes of each.

    python benchmarks/fuzz [TARGET...] [--cases N] [--seed N] [--first N] [--output DIR]

A case is a sound file, damaged at random: which damage depends on the target, the seed and the case's number alone,
so `--first N --cases 1` repeats one. Cases run in a child process, which is watched: one that crashes it, hangs, takes
more memory than allowed, raises what is not an error of lsr, or changes a file outside of its folder is a failure. The
exit code is 1 if there was one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from script import add_rows

from fuzz.frame import run
from fuzz.registry import TARGETS


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--cases", type=int, default=10_000, help="of each target (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="put the counts into fuzz.md and fuzz.json there")
    arguments = parser.parse_args()
    for name in arguments.targets:
        if name not in TARGETS:
            parser.error(f"no target {name!r}; there are {', '.join(TARGETS)}")
    found = {}
    for name in arguments.targets or TARGETS:
        found[name] = outcome = run(name, arguments.cases, seed=arguments.seed, first=arguments.first)
        print(outcome, flush=True)
    if arguments.output:
        rows = {name: outcome.record() for name, outcome in found.items()}
        add_rows(arguments.output, "fuzz", "Damaged and hostile files fed to readers", rows)
    return int(any(outcome.failures for outcome in found.values()))


if __name__ == "__main__":
    sys.exit(main())
