"""Empty collections of words, in folders and at a server, for the suites of other tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from uuid import uuid4

from lsr import Collection
from lsr.client import Client


def new_folder(empty: Path, folder: Path) -> Path:
    """A copy of an empty collection, which is quicker than a new one."""
    return Path(copytree(empty, folder / uuid4().hex))


@contextmanager
def at_server(url: str) -> Iterator[str]:
    """The address of an empty collection at a server."""
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
