"""What scripts here share: where results go and how, how a mistake ends, measuring in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lsr.core.errors import LsrError
from lsr.core.files import atomic_file

RESULTS = Path(__file__).parent / "results"


def add_output(parser: argparse.ArgumentParser) -> None:
    """The option --output: the folder that takes the results."""
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIR", help="for tables and numbers")


def write_results(folder: Path, name: str, markdown: str, values: Any) -> None:
    """NAME.md with a report and NAME.json with every number, in place of what is there."""
    for suffix, content in ((".md", markdown), (".json", json.dumps(values, indent=1))):
        with atomic_file(folder / f"{name}{suffix}", force=True) as temporary:
            temporary.write_text(content.rstrip("\n") + "\n", encoding="utf-8")


def exit_code(run: Callable[[Path], None], work: Path | None = None) -> int:
    """Run in the folder `work`, or a temporary one: 0, or 2 after the message of an error that a user can cause."""
    try:
        with tempfile.TemporaryDirectory(prefix="lsr-benchmark-") as temporary:
            run(work or Path(temporary))
    except LsrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def measured_apart(one: str, *more: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What this script prints as JSON in a process of its own, with its arguments, `--one ONE` and `more`."""
    command = [sys.executable, *sys.argv, "--one", one, *more]
    done = subprocess.run(command, env=os.environ | (environment or {}), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
