"""`lsr verify`: is an index intact, and what can be done if it is not?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lsr.cli.console import errors, escape, note, print_json
from lsr.cli.options import IndexPath, Json

if TYPE_CHECKING:
    from lsr.index.collection.repair.report import Repair

DAMAGED, LOST = 2, 1
# Ids that are named on the terminal; all are in the report.
_NAMED = 10


def run(
    index: IndexPath,
    repair: Annotated[
        bool, typer.Option("--repair", help="Set aside what is damaged, and make again what can be.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every file of an index, compare it with its checksum, and check that the parts agree.

    Exits with 0 if the index is intact, with 2 if it is not, and says then what a repair would do.

    With --repair: what follows from other files is made again; the rest is set aside, in a folder `damaged` of the
    index, with the documents that can still be read, for `lsr add`. Nothing is dropped unsaid. Exits with 0 if the
    index is as it was before, with 1 if something is lost.

    Examples:

        lsr verify my-index

        lsr verify my-index --repair
    """
    if repair:
        _repair(index, as_json=as_json)
        return
    from lsr.core.errors import IndexFormatError, LsrError
    from lsr.index import verify
    from lsr.index.collection.repair.plan import plan_repair
    from lsr.search.relevance import calibration_problems

    problems, steps = verify(index), []
    # What no file has to do with, and no repair mends.
    with suppress(IndexFormatError):
        problems += calibration_problems(index)
    if problems:
        try:
            steps = plan_repair(index).steps
        except LsrError:
            steps = []  # the problems say what can be done where that is not a repair
    if as_json:
        print_json({"index": str(index), "ok": not problems, "problems": problems, "repair": steps})
    elif problems:
        _say_problems(problems)
        for step in steps:
            note(f"with --repair: {step}")
    else:
        note(f"{index}: every file is as it was written")
    if problems:
        raise typer.Exit(DAMAGED)


def _repair(index: Path, *, as_json: bool) -> None:
    from lsr.core.unfinished import announce
    from lsr.index import repair

    announce(index)
    done = repair(index)
    if as_json:
        print_json({"index": str(index), **done.to_record()})
    elif not done.problems:
        note(f"{index}: every file is as it was written")
    else:
        _say_problems(done.problems)
        for line in (*done.steps, *_lost(index, done)):
            note(line)
        note(f"{index}: {'repaired' if done.sound else 'not repaired'}; {done.folder} keeps what was damaged")
    if not done.whole:
        raise typer.Exit(LOST)


def _say_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        errors.print(f"[bold red]damaged:[/] {escape(problem)}")


def _lost(index: Path, done: Repair) -> Iterator[str]:
    """What is no longer in the index, and how it comes back."""
    from lsr.index import Manifest
    from lsr.index.collection.repair.report import DOCUMENTS_NAME, DOUBTFUL_NAME

    folder = done.folder or ""
    if done.documents:
        how = f"lsr add {index}" if done.sound else f"lsr index -o {index} --force"
        yield f"not in it: {_ids(done.documents)}; {how} {folder}/{DOCUMENTS_NAME} puts them in again"
    if done.doubtful:
        yield f"not in it: {_ids(done.doubtful)}; look at {folder}/{DOUBTFUL_NAME} before you add them"
    if done.lost:
        yield f"lost: {_ids(done.lost)}"
    if done.unnamed:
        yield f"lost: {done.unnamed:,} rows, of which not even ids can be read"
    if done.deleted:
        yield f"deleted in the damaged log, and perhaps there again: {_ids(done.deleted)}; lsr delete {index} ID..."
    if done.log:
        more = (
            f"{done.unreadable:,} records of the log" if done.unreadable else "what the damaged bytes of the log said"
        )
        yield f"not readable: {more}"
    if done.previous:
        yield "lost: the version that was kept; there is none to go back to with lsr reindex --back"
    for part, model in done.parts.items():
        if part == "vocabulary":
            yield "lost: the names of the model's terms, which searches do without"
        else:
            first = "" if Manifest.read(index).live is None else f"lsr compact {index} && "
            named = f" --model {model}" if model else ""
            yield f"lost: the {part} part; {first}lsr {part} {index}{named} makes it again"


def _ids(ids: Sequence[str]) -> str:
    """So many documents, and the first of their ids."""
    from lsr.core.counted import counted

    more = f" and {len(ids) - _NAMED:,} more, all in report.json" if len(ids) > _NAMED else ""
    return f"{counted(len(ids), 'documents')} ({', '.join(map(repr, ids[:_NAMED]))}{more})"
