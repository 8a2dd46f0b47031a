"""`lsr watch`: a collection in step with a folder of files."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lsr.cli.collection import CollectionPath, report_recovered
from lsr.cli.console import note, print_json, progress_bar
from lsr.cli.options import Device, EncodingThreads, Json

if TYPE_CHECKING:
    from lsr.collection.watching import Synced


def run(
    collection: CollectionPath,
    folder: Annotated[Path, typer.Argument(help="A folder of documents, as `lsr index` reads it.", show_default=False)],
    once: Annotated[bool, typer.Option("--once", help="Bring it in step once, and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between two looks at the folder.")] = 2.0,
    rest: Annotated[
        float, typer.Option(min=0, help="Seconds for which a file must not have changed before it is read.")
    ] = 1.0,
    threads: EncodingThreads = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Keep a collection in step with a folder: what is new or changed there is added, what has gone is deleted.

    Ids, titles and fields are those of `lsr index FOLDER`. Files of many documents are compared document by document.
    What is not in the folder and did not come from it is left alone. Only what has changed is encoded, after a restart,
    too. Ctrl-C ends it between two batches, each of which is on the disk.

    Examples:

        lsr watch my-index notes

        lsr watch my-index notes --once
    """
    from lsr.collection.collection import Collection
    from lsr.collection.watching import sync, watch
    from lsr.text.folder_corpus import FolderCorpus

    FolderCorpus(folder).listing()  # before anything is opened
    with Collection.open(collection, device=device) as opened, ending_well() as stop:
        report_recovered(opened)

        def told(done: Synced) -> None:
            _tell(collection, done, len(opened), as_json=as_json)

        with progress_bar("encoding", None) as progress:
            done = sync(opened, folder, rest=rest, stop=stop, progress=progress)
        told(done)
        if not once and not stop.is_set():
            note(f"{collection}: watching {folder}; Ctrl-C ends it")
            watch(opened, folder, interval=interval, rest=rest, stop=stop, told=told)
        if not stop.is_set():
            opened.wait()


@contextmanager
def ending_well() -> Iterator[threading.Event]:
    """Give an event that is set by Ctrl-C and SIGTERM; a second one interrupts."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[int, Any] = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(collection: Path, done: Synced, count: int, *, as_json: bool) -> None:
    from lsr.core.counted import counted

    for problem in done.problems:
        note(problem)
    for refused in done.refused:
        note(f"{refused.id}: {refused.reason}")
    if done.waiting:
        note(f"still being written, and left for the next time: {', '.join(done.waiting)}")
    if as_json:
        refusals = [{"id": each.id, "error": each.reason} for each in done.refused]
        print_json(
            {
                "created": done.created,
                "replaced": done.replaced,
                "deleted": done.deleted,
                "refused": refusals,
                "problems": done.problems,
                "waiting": done.waiting,
                "documents": count,
            }
        )
    else:
        changes = f"{counted(done.created, 'documents')} added, {done.replaced:,} replaced, {done.deleted:,} deleted"
        unread = f"; {counted(done.unread, 'files')} of kinds that are not read" if done.unread else ""
        note(f"{collection}: {changes}; {counted(count, 'documents')} now{unread}")
