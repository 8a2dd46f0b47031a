"""The folder of the collections that a server has."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from lsr.collection.collection import Collection
from lsr.core.errors import ConflictError, InputError, ModelError, NotFoundError, OutputExistsError
from lsr.core.files import remove, sync
from lsr.index.format.manifest import has_manifest
from lsr.index.live.lock import WriterLock
from lsr.search.live import LiveRetriever
from lsr.search.models import Models
from lsr.service.backend import SearchBackend
from lsr.service.collections.aliases import Aliases
from lsr.service.collections.kept import FOLDER
from lsr.service.collections.served import ServedCollection
from lsr.service.names import check_name, is_name

# Names in an error: more are nothing that anyone reads.
_MOST_NAMED = 20


class Root:
    """The collections of a server: those in a folder, one of them alone, or a retriever. For any number of threads.

    A collection is a subfolder with the manifest of an index, and called as the folder is. What is kept beside them is
    in `.service`, which is made when it is first needed.

    Attributes:
        folder: None for a retriever.
        only: the name of the one that is served; None if all are.
        aliases: other names of them.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        only: str | None = None,
        model: str | None = None,
        device: str | None = None,
    ) -> None:
        """See `at` and `of`. `model` and `device` as for `Retriever.open`."""
        self.folder, self.only = folder, only
        self._model, self._device, self._models = model, device, Models()
        self.aliases = Aliases(None if folder is None else folder / FOLDER / "aliases.json")
        self._changing = RLock()
        self._opened: dict[str, ServedCollection] = {}

    @classmethod
    def at(cls, path: str | Path, *, model: str | None = None, device: str | None = None) -> Root:
        """The collections in a folder, or the one at a path.

        IndexFormatError if there is neither an index nor a folder in which collections are, or may be.
        """
        # As it is written: a link is followed when it is opened, and again when it leads elsewhere.
        path = Path(os.path.abspath(path))  # noqa: PTH100
        if path.is_dir() and not has_manifest(path) and _may_be_root(path):
            if model is not None:
                raise InputError("goes with a server of one collection, not of a folder of them", field="model")
            return cls(path, device=device)
        made = cls(path.parent, only=path.name, model=model, device=device)
        made._opened[path.name] = made._made(path.name)
        made._opened[path.name].now()
        return made

    @classmethod
    def of(cls, retriever: SearchBackend | LiveRetriever, name: str = "index") -> Root:
        """A retriever, as the one collection that is served, and not written to."""
        collection = ServedCollection.of(retriever, name)
        made = cls(None, only=collection.name)
        made._opened[collection.name] = collection
        return made

    def __repr__(self) -> str:
        return f"Root({str(self.folder)!r}, only={self.only!r})"

    # -- finding -----------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The names of the collections that there are, in the order of their letters."""
        if self.only is not None or self.folder is None:
            return [name for name in self._opened if name == self.only]
        with suppress(FileNotFoundError):
            found = (entry.name for entry in os.scandir(self.folder) if is_name(entry.name))
            return sorted(name for name in found if has_manifest(self.folder / name))
        return []

    def opened(self) -> list[ServedCollection]:
        """Those that were asked for since the server started."""
        with self._changing:
            return list(self._opened.values())

    def name_of(self, name: str) -> str:
        """The name of a collection: its own, or the one that an alias stands for."""
        return name if name in self._opened else self.aliases.all().get(name, name)

    def find(self, name: str, sees: Callable[[str], bool] = lambda name: True) -> ServedCollection:
        """The collection of a name, or of an alias; NotFoundError names those that there are.

        `sees`: whether who asks may know of a collection; of others there is nothing to find.
        """
        own = self.name_of(name)
        if sees(own):
            found = self._opened.get(own)
            if found is not None and (own == self.only or found.is_there):
                return found
            if found is None and self.only is None and own in self.names():
                with self._changing:
                    return self._opened.setdefault(own, self._made(own))
            if found is not None:
                self._forget(own)
        there = [each for each in self.names() if sees(each)]
        raise NotFoundError(f"there is no collection {name!r}: {_listed(there)}")

    def alone(self) -> ServedCollection:
        """The one that is asked for without a name. NotFoundError where the server has a folder of them."""
        if self.only is None:
            raise NotFoundError(
                "this server has a folder of collections: name one in the path, as /v1/collections/NAME/search"
            )
        return self.find(self.only)

    def _made(self, name: str) -> ServedCollection:
        assert self.folder is not None
        path = self.folder / name
        return ServedCollection(name, path, model=self._model, device=self._device, models=self._models)

    def _forget(self, name: str) -> None:
        with self._changing:
            collection = self._opened.pop(name, None)
        if collection is not None:
            collection.close(gone=True)

    def hide(self, text: str) -> str:
        """A message without the folder that the collections are in, which is nobody's business."""
        folder = self.folder
        if folder is None:
            folder = getattr(getattr(self.alone().now(), "index", None), "path", Path()).parent
        return text.replace(f"{folder}{os.sep}", "").replace(str(folder), "the folder") if folder != Path() else text

    # -- changing ----------------------------------------------------------------------------------------------------

    def create(self, name: str, **settings: Any) -> ServedCollection:
        """Make an empty collection; `settings` as for `Collection.create`. It is there as a whole, or not at all.

        ConflictError if there is something of this name, InputError for settings that make no sense.
        """
        with self.making(name) as folder:
            try:
                Collection.create(folder, device=self._device, **settings).close()
            except ModelError as error:
                raise InputError(error.problem, remedies=error.remedies, field="model") from error
        return self.find(name)

    @contextmanager
    def making(self, name: str) -> Iterator[Path]:
        """A context in which the folder of a new collection is filled, which is then in its place.

        ConflictError if there is something of this name.
        """
        folder, made = self.folder_for(name), self.kept("making", f"{name}-{secrets.token_hex(8)}")
        made.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(made.parent, fcntl.LOCK_SH):
            try:
                yield made
                with self._changing:
                    self._put(made, self.folder_for(name))
            finally:
                with suppress(OSError):
                    remove(made)
        sync(folder.parent)

    def _put(self, made: Path, folder: Path) -> None:
        try:
            made.rename(folder)  # onto a folder in which something is, this fails
        except OSError as failure:
            raise ConflictError(f"something of the name {folder.name!r} was made meanwhile") from failure

    def folder_for(self, name: str) -> Path:
        """Where a new collection of this name will be. ConflictError if it cannot be."""
        folder = self.where()
        if self.only is not None:
            raise ConflictError(
                "this server has one collection: to have others, start it with the folder that they are to be in"
            )
        check_name(name)
        if name in self.aliases.all():
            raise ConflictError(f"{name!r} is an alias of the collection {self.aliases.all()[name]!r}")
        if os.path.lexists(folder / name):
            what = "a collection" if name in self.names() else "something else"
            raise ConflictError(f"there is {what} of the name {name!r} already: choose another")
        return folder / name

    def where(self) -> Path:
        """The folder. ConflictError if there is none."""
        if self.folder is None:
            raise ConflictError("this server was given a retriever, and keeps nothing: start it with a folder")
        return self.folder

    def kept(self, *names: str) -> Path:
        """The place of what the service keeps for itself. ConflictError if it keeps nothing."""
        return self.where().joinpath(FOLDER, *names)

    def delete(self, name: str) -> None:
        """Remove a collection: from the answers at once, and then from the disk. Searches that run go on to their end.

        ConflictError if another process writes to it, or an alias stands for it.
        """
        folder = self.where() / name
        if self.only is not None:
            raise ConflictError("this server has one collection, which only who started it can remove")
        with self._changing:
            aliases = self.aliases.of(name)
            if aliases:
                raise ConflictError(
                    f"the collection {name!r} is what {_quoted(aliases)} stands for: remove the alias first, or let it "
                    "stand for another"
                )
            collection = self.find(name)
            aside = self.kept("removed", f"{name}-{secrets.token_hex(8)}")
            aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            collection.close(gone=True)
            try:
                with WriterLock(folder):
                    folder.rename(aside)
            except BaseException as error:
                collection.close()
                if isinstance(error, OutputExistsError):
                    raise ConflictError(error.problem, remedies=error.remedies) from None
                raise
            self._opened.pop(name, None)
        sync(folder.parent)
        with suppress(OSError):  # what is left is removed at the next start
            remove(aside)

    def alias(self, alias: str, name: str, sees: Callable[[str], bool] = lambda name: True) -> str:
        """Let an alias stand for a collection, whatever it stood for before; the name of the collection.

        ConflictError if a collection is called so; NotFoundError, InputError for what is no name.
        """
        check_name(alias, "alias")
        with self._changing:
            own = self.find(name, sees).name
            if alias in self.names():
                raise ConflictError(f"{alias!r} is a collection, and no alias: choose another name")
            self.aliases.put(alias, own)
            return own

    def tidy(self) -> None:
        """Remove what a process that was killed has left half-made or half-removed.

        For the one that has the jobs, which make the snapshots. While another process makes a collection, what is
        half-made stays.
        """
        with suppress(ConflictError):
            kept = [
                *self.kept("jobs").glob(".*"),
                *self.kept("snapshots").glob("*/.*"),
                *self.kept("counted").glob("*/.*"),
            ]
            for left in (self.kept("removed"), *kept):
                with suppress(OSError):
                    remove(left)
            with suppress(OSError), _locked(self.kept("making"), fcntl.LOCK_EX | fcntl.LOCK_NB):
                for left in self.kept("making").iterdir():
                    remove(left)

    def close(self) -> None:
        """Make all writes safe and let others write. What is needed again is opened again."""
        for collection in self.opened():
            collection.close()


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _may_be_root(path: Path) -> bool:
    """Whether a folder that is no index is one of collections: it has some, or no files of another purpose."""
    entries = [entry for entry in os.scandir(path) if not entry.name.startswith(".")]
    if any(has_manifest(path / entry.name) for entry in entries) or (path / FOLDER).is_dir():
        return True
    return all(entry.is_dir() for entry in entries)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    if not names:
        return "there are none yet"
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return f"there are {_quoted(names[:_MOST_NAMED])}{more}" if len(names) > 1 else f"there is {names[0]!r}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
