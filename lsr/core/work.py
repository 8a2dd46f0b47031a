"""The folder that keeps long work until its result is published, so that an interrupted run can resume."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import filelock

from lsr.core.errors import LsrError, OutputExistsError
from lsr.core.files import atomic_file, name_path, remove
from lsr.core.obstacles import make_folder, not_made
from lsr.core.remedies import RESTART

_STATE = "state.json"


class WorkFolder:
    """A folder that one process at a time works in; a context manager.

    It is created if absent, and resumed if it was made with the same settings, which `state.json` records. At the end
    it is removed, unless the work ended with an error and there is something to resume.

    Args:
        folder: a separate folder, beside what is made.
        settings: everything that decides what is made (JSON values).
        restart: discard what an earlier run left.
        hopeless: errors that a resumed run would meet again, so that nothing is kept.

    Attributes:
        folder: where the work is kept.
        begun: whether it has something to resume, left by an earlier run or announced by the code that works in it.

    Raises OutputExistsError on entering if the settings differ, if something else made the folder, or while another
    process is working in it.
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
        # As JSON will read it back.
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        self._restart, self._hopeless = restart, hopeless

    def __enter__(self) -> Self:
        make_folder(self.folder.parent)
        # Beside the folder, not in it, so that the folder can be removed while the lock is held.
        path = self.folder.with_name(self.folder.name + ".lock")
        self._lock = filelock.FileLock(path, timeout=0)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            # It also gives up where the file cannot be made.
            if not path.exists() and not _can_be_made(path):
                raise not_made(path) from None
            raise OutputExistsError(f"another process is working in {self.folder}; wait for it to finish") from None
        try:
            self._open()
        except BaseException:
            self._unlock()
            raise
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        if error is None or not self.begun or isinstance(error, self._hopeless):
            with suppress(OSError):  # the next run clears what cannot be removed now
                self._clear()
                self.folder.rmdir()
        self._unlock()
        if isinstance(error, BaseException):
            name_path(error, self.folder)

    def _unlock(self) -> None:
        # Unlinked while held: afterwards, it could be the lock that another process has just taken.
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()

    def check(self) -> bool:
        """Whether there is earlier work to go on with; nothing is written. OutputExistsError as on entering."""
        state = self.folder / _STATE
        if not self.folder.exists():
            return False
        if not state.exists() and any(not entry.name.startswith(f".{_STATE}.") for entry in self.folder.iterdir()):
            raise OutputExistsError(
                f"{self.folder} is needed for unfinished work, but contains other files; move it away"
            )
        earlier = None if self._restart else _read_state(state)
        if earlier is not None and earlier != self._settings:
            keys = [key for key in sorted({*earlier, *self._settings}) if earlier.get(key) != self._settings.get(key)]
            changes = ", ".join(f"{key} was {earlier.get(key)!r}, is {self._settings.get(key)!r}" for key in keys)
            raise OutputExistsError(
                f"{self.folder} contains interrupted work with different settings ({changes})",
                remedies=["resume with those settings", RESTART],
            )
        return earlier is not None

    def _open(self) -> None:
        self.folder.mkdir(exist_ok=True)
        state = self.folder / _STATE
        self.begun = False
        if self.check():
            self.begun = any(entry != state for entry in self.folder.iterdir())
        else:
            self._clear()
            with atomic_file(state) as temporary:
                temporary.write_text(json.dumps(self._settings, indent=2))

    def _clear(self) -> None:
        """Empty the folder, the state last, so that what an interrupted removal leaves is still recognised as ours."""
        state = self.folder / _STATE
        if state.exists():
            with atomic_file(state, force=True) as temporary:
                temporary.write_text("null")
        for entry in self.folder.iterdir():
            if entry != state:
                remove(entry)
        state.unlink(missing_ok=True)


def _can_be_made(path: Path) -> bool:
    trial = path.with_name(f"{path.name}.tmp")
    try:
        trial.touch()
        trial.unlink()
    except FileNotFoundError:
        return False
    return True


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
