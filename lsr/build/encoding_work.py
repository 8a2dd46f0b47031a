"""The folder beside an index where a long encoding is kept until it is published, so that it can go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import filelock

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.remedies import RESTART

if TYPE_CHECKING:
    from lsr.index import Index

_STATE = "state.json"


class EncodingWork:
    """The folder `INDEX.NAME/`, used by one process at a time; a context manager.

    It is removed at the end, but kept where that was an error and there is something to go on with, which takes the
    same settings for the same index; `restart` begins again.

    Attributes:
        folder: where the encoded rows go.
        rows: how many it holds, as its user says.

    Raises OutputExistsError for other settings or another index, and while another process is at work.
    """

    def __init__(self, index: Index, name: str, settings: Mapping[str, Any], *, restart: bool = False) -> None:
        self.folder = index.path.with_name(f"{index.path.name}.{name}")
        # As it comes back from JSON.
        self._state = json.loads(json.dumps({"segment": index.manifest.segment, **settings}))
        self._restart = restart
        self.rows = 0
        self._lock = filelock.FileLock(self.folder.with_name(self.folder.name + ".lock"), timeout=0)

    def __enter__(self) -> Self:
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise OutputExistsError(f"another process is encoding into {self.folder}; wait for it to end") from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def _open(self) -> None:
        state = self.folder / _STATE
        if self._restart or not state.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(exist_ok=True)
        if not state.exists():
            with atomic_file(state) as temporary:
                temporary.write_text(json.dumps(self._state, indent=2))
        elif json.loads(state.read_text()) != self._state:
            raise OutputExistsError(
                f"{self.folder} holds an interrupted encoding of another index or with other settings",
                remedies=["use those to go on", RESTART],
            )

    def __exit__(self, kind: object, error: object, at: object) -> None:
        # What cannot be encoded now cannot be the next time.
        if error is None or not self.rows or isinstance(error, InputError):
            shutil.rmtree(self.folder, ignore_errors=True)
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()
