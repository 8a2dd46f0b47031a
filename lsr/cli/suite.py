"""Suites, as `lsr eval` runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsr.cli.console import note, output, print_json, print_text, progress_bar

if TYPE_CHECKING:
    from lsr.eval.suites.config import SuiteConfig

_ENDINGS = (".yaml", ".yml")


def names_suite(given: str) -> bool:
    """Whether this names a suite: a YAML file, or one that comes with lsr where no folder has its name."""
    from lsr.eval.suites.shipped import suites

    return Path(given).suffix.lower() in _ENDINGS or (given in suites() and not Path(given).exists())


def run_suite_command(given: str, folder: Path | None, *, device: str | None, as_json: bool) -> None:
    """Run the suite, print its tables, and say where the files are."""
    from lsr.cli.interruption import interruption
    from lsr.eval.reports.suite.tables import markdown
    from lsr.eval.suites.config import read_suite
    from lsr.eval.suites.run import run_suite
    from lsr.eval.suites.shipped import suite_path

    suite: SuiteConfig = read_suite(given)
    folder = folder or Path("lsr-eval") / Path(given).stem
    with interruption(lambda: f"{folder} keeps what was done; run the same command again to go on"):
        results = run_suite(suite, folder, source=str(suite_path(given)), device=device, stages=progress_bar)
    if as_json:
        print_json(results.record)
    else:
        print_text(markdown(results), end="")
    note(f"results.json, report.html, report.md, table.tex, table.csv, costs.csv and runs are in {folder}")


def list_suites(as_json: bool) -> None:
    """Print the suites that come with lsr."""
    from lsr.eval.suites.config import read_suite
    from lsr.eval.suites.shipped import suites

    found = {name: read_suite(name) for name in suites()}
    if as_json:
        print_json(
            [
                {"name": name, "title": s.title, "collections": [c.label for c in s.collections]}
                for name, s in found.items()
            ]
        )
        return
    for name, suite in found.items():
        output.print(f"{name:16} {suite.title}")
