"""Reading an index for as long as a process lives, while others write to it."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from lsr.core.arguments import path_of
from lsr.core.errors import LogMovedError, LsrError
from lsr.index.format.manifest import Manifest
from lsr.index.live.followed import FollowedState
from lsr.index.live.log.follower import LogFollower
from lsr.index.live.opening import Known, Opened, manifest_stamp, open_index, open_segments, takes_same_writes
from lsr.index.live.snapshot import Index


class CollectionReader:
    """Follows an index on disk: `snapshot` is what is there now. Holds no lock; for any number of threads.

    What a collection's writer has logged is applied to this process's own memory; what it has published is opened, but
    for segments that are open already. An index that is not written to, but replaced as a whole, is opened again when
    it was. Looking costs three `stat` calls, at most every so often.

    Args:
        path: the folder of an index, or of a collection.
        every: seconds for which a snapshot is taken for the latest without looking.

    IndexFormatError as `Index.open`.
    """

    def __init__(self, path: str | Path, *, every: float = 0.2) -> None:
        self.path = path_of(path, "the path of an index")
        self._every = every
        self._looking = Lock()
        self._due = 0.0
        self._open()

    def __repr__(self) -> str:
        return f"CollectionReader({str(self.path)!r})"

    def snapshot(self) -> Index:
        """The index as it is now, or was `every` seconds ago; the same object as long as nothing changes.

        What it returns never changes. IndexFormatError for an index that is damaged or gone since: what was returned
        before goes on to answer.
        """
        if time.monotonic() >= self._due:
            with self._looking:
                # Another thread may have looked while this one waited.
                if time.monotonic() >= self._due:
                    self._look()
        return self._index

    def refresh(self) -> Index:
        """The index as it is now. Raises as `snapshot`."""
        with self._looking:
            self._look()
            return self._index

    def _open(self, known: Known | None = None) -> None:
        def made(found: Opened) -> tuple[Opened, Index]:
            searched = None if found.state is None else found.state.searched()
            return found, Index(self.path, found.manifest, found.segments, searched)

        found, self._index = open_index(self.path, made, known, FollowedState)
        self._manifest, self._stamp = found.manifest, found.stamp
        self._state: FollowedState | None = None
        self._follower: LogFollower | None = None
        live = found.manifest.live
        if live is not None:
            assert isinstance(found.state, FollowedState) and found.state.place is not None
            self._state = found.state
            self._follower = LogFollower(self.path, bytes.fromhex(live.identity), found.state.place)
        self._whole = True

    def _look(self) -> None:
        """Make what is there now the snapshot."""
        now = time.monotonic()
        if self._whole:
            self._whole = False  # until all went well
            # Whatever was seen that does not fit: what counts is what one sees that opens it now.
            with suppress(LsrError):
                self._whole = self._follow()
        if not self._whole:
            self._open({segment.record.name: segment for segment in self._index.segments})
        self._due = now + self._every

    def _follow(self) -> bool:
        """Go on from what is known; False if that does not lead to what is there now."""
        changed = False
        while True:
            stamp = manifest_stamp(self.path)
            if stamp != self._stamp:
                if not self._go_on():
                    return False
                self._stamp, changed = stamp, True
            changed = self._poll() or changed
            # What was just read may be of the writes that another manifest began.
            if not changed or manifest_stamp(self.path) == stamp:
                break
        if changed and self._state is not None:
            segments = tuple(each.segment for each in self._state.tombstones)
            self._index = Index(self.path, self._manifest, segments, self._state.searched())
        return True

    def _poll(self) -> bool:
        """Apply what the log has more; whether there was any."""
        if self._follower is None or self._state is None:
            return False
        before = self._follower.place
        for record in self._follower.poll():
            self._state.take(record)
        return self._follower.place != before

    def _go_on(self) -> bool:
        """Take over a manifest that was published since; False if it is not one that the known state leads to."""
        manifest = Manifest.read(self.path)
        if manifest == self._manifest:
            return True
        state, follower, live = self._state, self._follower, manifest.live
        if state is None or follower is None or live is None or not takes_same_writes(self._manifest, manifest):
            return False
        # All that is in its segments is in the log before, as long as that is there.
        try:
            self._poll()
        except LogMovedError:
            return False
        if not state.reaches(live, follower.place):
            return False
        known = {each.segment.record.name: each.segment for each in state.tombstones}
        state.go_on_from(manifest, open_segments(self.path, manifest, known))
        self._manifest = manifest
        return True
