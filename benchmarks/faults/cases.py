"""One operation with one fault, and what has to hold after it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from faults.calls import Fault, Faults
from faults.kinds import Kind, Truth
from faults.operations import Operation
from lsr.core.errors import LsrError, OutputExistsError
from lsr.index import Index, verify
from lsr.index.format.manifest import Manifest
from lsr.index.live.versions import kept_version

_NAME = "collection"


class Case:
    """An operation in a folder of its own.

    Attributes:
        calls: those that it made, once it was tried; wrong: how many of them went wrong.
    """

    def __init__(self, operation: Operation, inputs: Path, truth: Truth, folder: Path, faults: Faults) -> None:
        self._operation, self._truth, self._folder, self._faults = operation, truth, folder, faults
        self._path = folder / _NAME
        self.calls: list[str] = []
        self.wrong = 0
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(inputs, folder)

    def run(self, at: int = -1, fault: Fault = Fault.ONCE) -> None:
        """Let call number `at` go wrong, and what comes after it be looked at. AssertionError if it does not hold."""
        operation, kind = self._operation, self._operation.kind
        failed, possible = self._try(at, fault)
        if operation.sound or not failed:
            self._look(possible)
        # Once more, and all goes well. What it makes may be whole, if the call that failed was one of the last.
        made = suppress(OutputExistsError) if operation.makes else nullcontext()
        with _opened(operation, self._path) as writer, made:
            operation.act(writer, self._folder)
        with closing(kind.open(self._path)) as writer:
            kind.compact(writer)
            left = operation.after(self._truth)
            _look_at(kind, kind.snapshot(writer), [left, self._with_more(left)], "in the end")
        self._look([left, self._with_more(left)])
        self._look_for_leftovers()

    def _with_more(self, truth: Truth) -> Truth:
        return {**truth, "more": self._operation.kind.more}

    def _try(self, at: int, fault: Fault) -> tuple[bool, Sequence[Truth]]:
        """(Whether the operation failed, what the collection may hold when it is opened again)."""
        operation, kind = self._operation, self._operation.kind
        before, after = self._truth, operation.after(self._truth)
        error: Exception | None = None
        with _opened(operation, self._path) as writer:
            self._faults.begin(at, fault)
            try:
                operation.act(writer, self._folder)
            except (OSError, LsrError) as failure:
                error = failure
            finally:
                self.calls, self.wrong = self._faults.end()
            if not operation.written:
                return error is not None, [after]
            shown = before if error is not None else after
            _look_at(kind, kind.snapshot(writer), [shown], "the writer that is open")
            try:
                kind.write(writer)
                possible = [self._with_more(shown)]
            except (OSError, LsrError) as failure:
                _look_at(kind, kind.snapshot(writer), [shown], "the writer that stopped")
                assert isinstance(failure, LsrError) and "again" in str(failure.remedies), f"unclear: {failure!r}"
                # What was refused may be in the log all the same.
                possible = [before, after] if error is not None else [after]
        return error is not None, possible

    def _look(self, possible: Sequence[Truth]) -> None:
        """Look at what is on the disk: it is sound, and holds one of these."""
        operation = self._operation
        for path in (self._path, self._folder / operation.makes):
            if path == self._path or (operation.makes and path.exists()):
                found = verify(path)
                assert found == [], f"not sound: {found}"
        _look_at(operation.kind, Index.open(self._path), possible, "opened again")
        if operation.makes and (self._folder / operation.makes).exists():
            _look_at(
                operation.kind,
                Index.open(self._folder / operation.makes),
                [self._truth, self._with_more(self._truth)],
                "the copy",
            )
        assert not operation.keeps or kept_version(self._path) is not None, "the version that was kept is lost"

    def _look_for_leftovers(self) -> None:
        """Whether there are files that nothing names."""
        expected = {_NAME, "copied", self._operation.makes} - {""}
        others = {each.name for each in self._folder.iterdir()} - expected
        left = sorted({*others, *(name for name in _files(self._path) if name not in _named(self._path))})
        assert not left, f"left over: {left}"


@contextmanager
def _opened(operation: Operation, path: Path) -> Iterator[Any]:
    """The writer, or the path where the operation has none. Closing may say again what was said before."""
    if not operation.written:
        yield path
        return
    writer = operation.kind.open(path)
    try:
        yield writer
    finally:
        try:
            writer.close()
        except (OSError, LsrError) as error:
            raise AssertionError(f"it does not close: {error!r}") from error


def _look_at(kind: Kind, index: Index, possible: Sequence[Truth], where: str) -> None:
    """AssertionError if the index does not hold one of these, and find what it has to."""
    held = {each.id: each for each in index.documents.scan()}
    fits = [truth for truth in possible if kind.documents(truth) == held]
    assert fits, f"{where}: {_difference(kind.documents(possible[0]), held)}"
    kind.check(index, fits[0])


def _difference(wanted: dict[str, Any], held: dict[str, Any]) -> str:
    other = sorted(id for id in wanted.keys() & held.keys() if wanted[id] != held[id])
    return (
        f"lost {sorted(wanted.keys() - held.keys())}, there {sorted(held.keys() - wanted.keys())}, other texts {other}"
    )


def _files(path: Path) -> Iterator[str]:
    """All files and empty folders of a collection, from its folder on."""
    for folder, folders, files in os.walk(path):
        below = Path(folder).relative_to(path)
        yield from (str(below / name) for name in files)
        if not folders and not files:
            yield str(below)


def _named(path: Path) -> set[str]:
    """The files that it consists of."""
    manifest, kept = Manifest.read(path), kept_version(path)
    named = {"manifest.json", "writer.lock", *(each.name for each in sorted(path.glob("log-*"))[-1:])}
    if kept is not None:
        named.add(".previous/manifest.json")
    for each in (manifest, *filter(None, [kept])):
        assert each.live is not None
        for record in each.segments:
            named |= {f"{record.name}/{file}" for file in record.files}
            for part in record.parts.values():
                named |= {f"{record.name}/{part.folder}/{file}" for file in part.files}
    # Repairs keep what was damaged.
    return named | {name for name in _files(path) if name.startswith("damaged/") and "/." not in name}
