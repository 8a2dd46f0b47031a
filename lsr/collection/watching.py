"""Keeping a collection in step with a folder of files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from lsr.collection.collection import Collection
from lsr.collection.folder_sync import FolderSync, Synced
from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError

# How often as long as a file has to rest one synchronisation waits for files that do not.
_PATIENCE = 10


@as_annotated
def sync(
    collection: Collection,
    folder: str | Path,
    *,
    rest: float = 1.0,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> Synced:
    """Bring a collection in step with a folder of files, once; return what became of the documents.

    The documents are those of `lsr index FOLDER`: files are documents, and files of records have many. Those that are
    new or changed are added, those that have gone from the folder since the last time are deleted; what did not come
    from the folder is left alone. What is known of the folder is kept in the collection's; without it, files are read
    again, and what the collection holds already is not encoded again.

    Args:
        rest: seconds for which a file must not have changed; one that is still written after ten times that is left for
            the next time, and told as `waiting`. 0 takes every file as it is.
        stop: ends it, once set, between two batches.
        progress: called with the number of documents just encoded.

    InputError if there is no such folder. Every batch is on the disk before the next.
    """
    stop = stop or threading.Event()
    with FolderSync(collection, folder, rest=rest, progress=progress) as syncing:
        done, until = syncing.round(stop), time.monotonic() + _PATIENCE * rest
        while done.waiting and time.monotonic() < until and not stop.wait(rest / 4):
            done.add(syncing.round(stop))
        return done


@as_annotated
def watch(
    collection: Collection,
    folder: str | Path,
    *,
    interval: float = 2.0,
    rest: float = 1.0,
    stop: threading.Event,
    told: Callable[[Synced], None],
) -> None:
    """Keep a collection in step with a folder, until `stop` is set.

    The folder is looked at every `interval` seconds; `told` is called with what was done or went wrong, if anything.
    Raises as `sync` if the folder is not there at first; if it goes later, that is told as a problem, and nothing is
    deleted.
    """
    with FolderSync(collection, folder, rest=rest) as syncing:
        syncing.corpus.listing()
        missing = False
        while not stop.is_set():
            try:
                done = syncing.round(stop)
                missing = False
            except InputError as error:
                done = Synced() if missing else Synced(problems=[str(error)])
                missing = True
            if done.changed or done.problems or done.refused:
                told(done)
            stop.wait(interval)
