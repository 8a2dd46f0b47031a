"""Empty collections of words, in folders and at a server, for the suites of other tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from uuid import uuid4

from lsr import Collection


def new_folder(empty: Path, folder: Path) -> Path:
    """A copy of an empty collection, which is quicker than a new one."""
    return Path(copytree(empty, folder / uuid4().hex))


@contextmanager
def fresh(kind: str, empty: Path, folder: Path, url: str) -> Iterator[str]:
    """The place of an empty collection: a folder, or the address of one at a server."""
    if kind == "folder":
        yield str(new_folder(empty, folder))
        return
    from lsr.client import Client

    name = uuid4().hex
    with Client(url) as client:
        client.create(name, model="bm25")
        try:
            yield f"{url}/{name}"
        finally:
            client.drop(name)


def make_empty(path: Path) -> Path:
    """An empty collection of words."""
    Collection.create(path, model="bm25").close()
    return path
