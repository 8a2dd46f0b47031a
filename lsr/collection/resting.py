"""Whether a file is being written: one that is waits until it rests."""

from __future__ import annotations

import time
from pathlib import Path

from lsr.collection.folder_state import Signature


class Resting:
    """Tells files that have not changed for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[Path, tuple[Signature, float]] = {}

    def rests(self, path: Path) -> bool:
        """Whether a file has not changed lately, by its times or as it was seen by this. OSError if it is not there."""
        if self._seconds <= 0:
            return True
        status = path.stat()
        now, signature = time.monotonic(), Signature(status.st_size, status.st_mtime_ns)
        # Whoever writes to a file may set its time back, but not that of its last change.
        age = time.time() - max(status.st_mtime, status.st_ctime)
        if age >= self._seconds:
            self._seen.pop(path, None)
            return True
        before, since = self._seen.get(path, (None, now))
        if before != signature:
            self._seen[path] = signature, now
            return False
        return now - since >= self._seconds
