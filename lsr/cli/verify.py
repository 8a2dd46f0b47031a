"""`lsr verify`: is an index intact?"""

from __future__ import annotations

import typer

from lsr.cli.console import errors, escape, note, print_json
from lsr.cli.options import IndexPath, Json


def run(
    index: IndexPath,
    as_json: Json = False,
) -> None:
    """Read every file of an index, compare it with its checksum, and check that the parts agree.

    Exits with 0 if the index is intact, with 2 if it is not.

    Example:

        lsr verify my-index
    """
    from lsr.index import verify

    problems = verify(index)
    if as_json:
        print_json({"index": str(index), "ok": not problems, "problems": problems})
    elif problems:
        for problem in problems:
            errors.print(f"[bold red]damaged:[/] {escape(problem)}")
    else:
        note(f"{index}: every file is as it was written")
    if problems:
        raise typer.Exit(2)
