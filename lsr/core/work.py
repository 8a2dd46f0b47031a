"""The folder where long work is kept until what it makes is published, so that an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import filelock

from lsr.core.errors import LsrError, OutputExistsError
from lsr.core.files import atomic_file, name_path, remove
from lsr.core.remedies import RESTART

_STATE = "state.json"


class WorkFolder:
    """A folder that one process at a time works in; a context manager.

    It is made if absent, and taken up again if it was made with the same settings, which `state.json` records. At the
    end it is removed, but kept if that is an error and there is something to go on with.

    Args:
        folder: one of its own, beside what is made.
        settings: everything that decides what is made (JSON values).
        restart: throw away what an earlier run left.
        hopeless: errors after which going on would meet them again, so that nothing is kept.

    Attributes:
        folder: where the work goes.
        begun: whether it holds something to go on with: what an earlier run left, or what who works in it says.

    Raises OutputExistsError on entering: for other settings, for a folder that something else made, and while another
    process is at work.
    """

    def __init__(
        self,
        folder: str | Path,
        settings: Mapping[str, Any],
        *,
        restart: bool = False,
        hopeless: tuple[type[LsrError], ...] = (),
    ) -> None:
        self.folder = Path(folder)
        self.begun = False
        # As it comes back from JSON.
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._restart, self._hopeless = restart, hopeless

    def __enter__(self) -> Self:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, not in it, so that the folder can be removed while the lock is held.
        self._lock = filelock.FileLock(self.folder.with_name(self.folder.name + ".lock"), timeout=0)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise OutputExistsError(f"another process is at work in {self.folder}; wait for it to end") from None
        try:
            self._open()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        if error is None or not self.begun or isinstance(error, self._hopeless):
            with suppress(OSError):  # what cannot be removed now is cleared by the next run
                self._clear()
                self.folder.rmdir()
        self._unlock()
        if isinstance(error, BaseException):
            name_path(error, self.folder)

    def _unlock(self) -> None:
        # Unlinked while it is held: afterwards, it could be the lock that another process has just taken.
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def _open(self) -> None:
        self.folder.mkdir(exist_ok=True)
        state = self.folder / _STATE
        if not state.exists() and any(not entry.name.startswith(f".{_STATE}.") for entry in self.folder.iterdir()):
            raise OutputExistsError(
                f"{self.folder}, where work is kept until it is finished, is a folder of other files; move it away"
            )
        earlier = None if self._restart else _read_state(state)
        self.begun = False
        if self._restart or earlier is None:
            self._clear()
            with atomic_file(state) as temporary:
                temporary.write_text(json.dumps(self._settings, indent=2))
        elif earlier != self._settings:
            keys = [key for key in sorted({*earlier, *self._settings}) if earlier.get(key) != self._settings.get(key)]
            changes = ", ".join(f"{key} was {earlier.get(key)!r}, is {self._settings.get(key)!r}" for key in keys)
            raise OutputExistsError(
                f"{self.folder} holds interrupted work with other settings ({changes})",
                remedies=["use those settings to go on", RESTART],
            )
        else:
            self.begun = any(entry != state for entry in self.folder.iterdir())

    def _clear(self) -> None:
        """Remove what is in the folder, the state last: what a removal cut short leaves is known as ours."""
        state = self.folder / _STATE
        if state.exists():
            with atomic_file(state, force=True) as temporary:
                temporary.write_text("null")
        for entry in self.folder.iterdir():
            if entry != state:
                remove(entry)
        state.unlink(missing_ok=True)


def clear_work(folder: Path) -> None:
    """Remove what a run left that was killed once its output was published."""
    if folder.exists() or folder.with_name(f"{folder.name}.lock").exists():
        with WorkFolder(folder, {}, restart=True):
            pass


def _read_state(path: Path) -> dict[str, Any] | None:
    """The settings that the work was begun with, or None. OutputExistsError for a file of other content."""
    if not path.exists():
        return None
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        state = path
    if state is not None and not isinstance(state, dict):
        raise OutputExistsError(
            f"{path} is damaged, so that the interrupted work in its folder cannot go on", remedies=[RESTART]
        )
    return state
