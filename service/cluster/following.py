"""Looking, in a thread, whether another build of a collection has been published."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lsr.core.errors import LsrError
from lsr.index.format.manifest import Manifest

logger = logging.getLogger("lsr.service")

LOOKED_EVERY = 1.0


def follow(path: Path, changed: Callable[[], None], *, every: float = LOOKED_EVERY) -> None:
    """Call `changed` in a thread of its own whenever the shards at `path` are others than before, until it succeeds."""

    def look() -> None:
        known = fingerprint(path)
        while True:
            time.sleep(every)
            try:
                now = fingerprint(path)
                if now is not None and now != known:
                    changed()
                    known = now
            except (LsrError, OSError) as error:
                logger.warning("serving what was read before: %s", error)

    threading.Thread(target=look, name="lsr-follow", daemon=True).start()


def fingerprint(path: Path) -> str | None:
    """That of the shards at `path`, if they can be read now."""
    try:
        shards = Manifest.read(path).shards
    except (LsrError, OSError):
        return None
    return None if shards is None else shards.fingerprint
