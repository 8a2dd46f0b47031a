"""Writing to a collection: a log, a memory, segments out of it, and merges of these."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from lsr.core.errors import LsrError
from lsr.core.progress import in_proportion
from lsr.index.collection.build import build_segment
from lsr.index.collection.burying import bury_of_memory, bury_since
from lsr.index.collection.carrying import carried_parts
from lsr.index.collection.policy import LivePolicy
from lsr.index.collection.publish import Publisher
from lsr.index.collection.rows import rows_of_memory, rows_of_segments
from lsr.index.collection.shown import Shown
from lsr.index.collection.tokens import TextTokens, TokensOf
from lsr.index.collection.versions import in_place_of, share_files, without_log
from lsr.index.format.manifest import Manifest
from lsr.index.live.lock import OwnCondition, WriterLock
from lsr.index.live.log.calls import FileCalls
from lsr.index.live.log.frames import HEADER_BYTES
from lsr.index.live.log.reader import LogPlace
from lsr.index.live.log.records import encode_all
from lsr.index.live.log.writer import LogWriter
from lsr.index.live.memory.segment import Applied
from lsr.index.live.opening import open_segments
from lsr.index.live.replay import LiveState, replayed
from lsr.index.live.searched import SearchedSegment
from lsr.index.live.snapshot import Index
from lsr.index.live.tombstones import Tombstones
from lsr.index.live.vocabulary import stored_vocabulary
from lsr.index.live.writes import Write, check_writes


class CollectionWriter:
    """The one writer of a collection. For any number of threads.

    A write is checked, logged, on the disk, and then said to be done; it is in the next snapshot's answers. Beyond a
    size, memory becomes a segment, and segments of like size become one, in a thread of its own, while searches and
    writes go on.

    Args:
        path: a folder that holds a collection (`lsr.index.collection.create`).
        tokens_of: needed where documents of a collection that counts tokens are replaced or deleted.
        policy: see `LivePolicy`.
        calls: by which its log changes files, for tests.

    Attributes:
        path: the folder; lock: the right to write to it.
        building: whether a segment is being made now, of memory or of others.
        recovered: what was found at opening that was not as a writer leaves it, in words; mostly nothing.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        tokens_of: TokensOf | None = None,
        policy: LivePolicy | None = None,
        calls: FileCalls | None = None,
    ) -> None:
        """Replay the log. OutputExistsError if another process writes to it, IndexFormatError for damage."""
        self.path = Path(path)
        self.policy = policy or LivePolicy()
        self.lock = WriterLock(self.path)
        try:
            manifest = Manifest.read(self.path)
            self._publisher = Publisher(self.path, manifest)
            segments = open_segments(self.path, manifest, {})
            self._vocabulary = stored_vocabulary(self.path, manifest, segments)
            self._state: LiveState = replayed(self.path, manifest, segments)
            live, place = manifest.live, self._state.place
            self._tokens = TextTokens(self.path, live, tokens_of)
            assert live is not None and place is not None
            self._log = LogWriter.resume(self.path, bytes.fromhex(live.identity), place, calls=calls)
            self.recovered = self._state.recovered()
            self._publisher.clear_away()
            self._log.remove_before(live.log)
        except BaseException:
            self.lock.release()
            raise
        # Held while the state changes; never while the disk is waited for, or a segment is built.
        self._work = OwnCondition(self.path)
        self._shown = Shown()
        self._show()
        self._failure: BaseException | None = None
        self._closing = self.building = False
        # Flushes that were asked for, and those of them that were made; compactions that wait for their turn.
        self._asked = self._answered = self._compactions = 0
        self._worker = threading.Thread(target=self._run, name=f"segments of {self.path}", daemon=True)
        self._worker.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CollectionWriter({str(self.path)!r}, {len(self._state.tombstones)} segments)"

    # -- writing -----------------------------------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        """What is published: without what is in the log alone."""
        return self._publisher.manifest

    def check(self, writes: Sequence[Write]) -> None:
        """InputError, which names the document, for writes of which one cannot be made."""
        check_writes(writes)
        for write in writes:
            self._state.check(write)

    def apply(self, writes: Sequence[Write], *, wait: bool = True) -> Applied:
        """Make writes, in their order, all of them or none; return what became of them once they are on the disk.

        With `wait=False`, return at once: they are safe once `flush_log` has returned. InputError for one that cannot
        be made; LogStoppedError, or the OSError, if the log cannot be written.
        """
        self.check(writes)
        with self._work:
            self._check_open()
            self._tokens.find(self._state, writes)
            # All are made before one is logged, so that what is refused leaves nothing behind; windows stay together.
            records = list(encode_all(writes, lambda write: self._state.document_of(write) is not None))
            self._log.append(records, wait=False)
            applied = self._state.apply(writes)
            self._show()
            if wait:
                self._shown.wait_for_latest()
            # Memory may be full now, or so much of a segment deleted that it is to be written again.
            if self._todo():
                self._work.notify_all()
        if wait:
            self._log.flush()
        return applied

    def flush_log(self) -> LogPlace:
        """Wait until all writes are on the disk; return where the log ends then."""
        with self._work:
            self._shown.wait_for_latest()
        self._log.flush()
        return self._log.place

    # -- reading -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Index:
        """The collection as it is now; it never changes. Whoever writes is not waited for.

        Once its log could not be written, it is as it is on the disk.
        """
        if not self._log.failed:
            return self._shown.latest()
        with self._work:
            return self._shown.on_disk(self._log.durable)()

    def _show(self) -> None:
        """Let what there is now be what the next snapshot holds. It is made when it is asked for."""
        manifest, searched = self.manifest, self._state.searched()
        segments = tuple(each.segment for each in self._state.tombstones)
        made = cache(lambda: Index(self.path, manifest, segments, searched))
        self._shown.show(made, self._log.appended, self._log.durable)

    def holds(self, id: str) -> bool:
        """Whether there is a document of this id."""
        if self._log.failed:
            return id in self.snapshot().documents
        with self._work:
            return self._state.holds(id)

    # -- segments ----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Make memory a segment, and wait for that. Raises what went wrong with it."""
        with self._work:
            self._check_open()
            self._asked = mine = self._asked + 1
            self._work.notify_all()
            self._work.wait_for(lambda: self._stopped or self._answered >= mine)
            self._check_open()

    def compact(self, progress: Callable[[int], None] | None = None) -> None:
        """Put all that lives into one segment, and wait for that. Raises what went wrong with it.

        Token vectors that only some documents have are left out. `progress` is called with the number of documents just
        written again; what it raises ends this, and leaves the segments as they are.
        """
        self.flush()
        with self._work:
            self._compactions += 1
            try:
                self._work.wait_for(lambda: not self.building)
            finally:
                self._compactions -= 1
            self._check_open()
            self.building = True
        try:
            tombstones = list(self._state.tombstones)
            if len(tombstones) > 1 or any(each.count for each in tombstones):
                self._merge(tombstones, progress)
            elif progress is not None:
                progress(len(self.snapshot().documents))
        finally:
            with self._work:
                self.building = False
                self._work.notify_all()

    def adopt(self, made: Path, *, keep: bool = False, tokens_of: TokensOf | None = None) -> None:
        """Become the collection at `made`, which holds the same documents as other vectors; in one rename of a file.

        It is closed, and all of it is in segments; its files are shared. Who writes meanwhile waits; whoever calls this
        keeps writes away from when the documents were compared. With `keep`, the version that is left is kept as it is
        (`lsr.index.live.versions`). `tokens_of` as for the class, of the new version.

        InputError if something of `made` is in its log alone.
        """
        taken = without_log(made)
        with self._work:
            if keep:
                self.flush()
            self._work.wait_for(lambda: not self.building)
            self._check_open()
            share_files(made, self.path, taken)
            number = self._log.rotate()
            manifest = in_place_of(self.manifest, taken, log=number, sequence=self._log.durable)
            segments = open_segments(self.path, manifest, {})
            with self._publishing():
                self._publisher.replace(manifest, keep=keep)
            self._state = LiveState(manifest, segments)
            self._vocabulary = stored_vocabulary(self.path, manifest, segments)
            self._tokens = TextTokens(self.path, manifest.live, tokens_of)
            self._show()
            self._log.remove_before(number)

    def forget(self) -> bool:
        """Remove the version that `adopt` kept; whether there was one."""
        with self._work:
            self._check_open()
            return self._publisher.forget()

    def wait(self) -> None:
        """Wait until memory is below its bound and no segments are left to merge. Raises what went wrong."""
        with self._work:
            self._work.wait_for(lambda: self._stopped or not (self.building or self._todo()))
            self._check_open()

    def close(self) -> None:
        """End what runs, and let others write; what is in memory is in the log. Writes that wait are made safe."""
        if self._work.is_foreign:
            return self._log.close()
        with self._work:
            if self._closing:
                return None
            self._closing = True
            self._work.notify_all()
        self._worker.join()
        with self._work:
            # Another thread may be compacting: what it publishes is ours to publish only while we hold the lock.
            self._work.wait_for(lambda: not self.building)
        try:
            self._log.close()
        finally:
            self.lock.release()

    @property
    def _stopped(self) -> bool:
        """Whether there is nothing to wait for, since the thread makes no more segments."""
        return self._closing or self._failure is not None

    def _check_open(self) -> None:
        if self._failure is not None:
            problem = f"{self.path}: a segment could not be made, or published ({self._failure})"
            raise LsrError(problem, remedies=["open the collection again"]) from self._failure
        if self._closing:
            raise LsrError(f"{self.path}: this collection is closed", remedies=["open it again"])

    def _todo(self) -> bool:
        """Whether there is work for the thread."""
        return bool(self._asked > self._answered or self._is_full() or self._to_merge())

    def _may_begin(self) -> bool:
        """Whether it may be begun. Compactions come first: while others write on, there may be work without end."""
        return not (self.building or self._compactions or self._failure) and self._todo()

    def _is_full(self) -> bool:
        """Whether memory is to become a segment. Deletions fill the log alone, which is replayed at every opening."""
        rows, bytes = self._state.memory.state.rows, self._state.memory.nbytes
        logged = self._log.place.offset - HEADER_BYTES
        # Without a row, or a record, there is nothing to make room for, however low the bounds are.
        return self.policy.is_full(rows, max(bytes if rows else 0, logged))

    def _to_merge(self) -> list[Tombstones]:
        tombstones = self._state.tombstones
        sizes = [(len(each.segment), each.count) for each in tombstones]
        # Beside segments without them, token vectors would be lost.
        chosen = self.policy.to_merge(sizes, [carried_parts(each.segment.record.parts) for each in tombstones])
        return [tombstones[number] for number in chosen]

    def _run(self) -> None:
        """Make segments as long as the collection is open."""
        while True:
            with self._work:
                self._work.wait_for(lambda: self._closing or self._may_begin())
                if self._closing:
                    return
                self.building = True
                asked = self._asked
                full = asked > self._answered or self._is_full()
            try:
                if full:
                    self._flush_memory()
                else:
                    self._merge(self._to_merge())
            except BaseException as error:
                self._failure = error
            finally:
                with self._work:
                    self._answered = asked
                    self.building = False
                    self._work.notify_all()

    def _flush_memory(self) -> None:
        """Make memory a segment."""
        with self._work:
            nothing = not self._state.memory.state.rows and not any(each.changed for each in self._state.tombstones)
            if nothing and not self._is_full():
                return
            number, sequence = self._log.rotate(), self._log.durable
            frozen = self._state.begin_memory()
            state = frozen.segment.state
            self._show()
        rows = rows_of_memory(state, self.manifest.model_terms, windows=self._cuts)
        made = build_segment(self.path, self.manifest, rows, self._vocabulary, rate=self.policy.merge_rate)
        with self._work:
            tombstones = list(self._state.tombstones)
            if made is not None:
                new = Tombstones(made)
                bury_of_memory(new, state, frozen.segment.state, windows=self._cuts)
                tombstones.append(new)
            # What is published as deleted may have been replaced by what the log does not hold yet.
            self._log.flush()
            with self._publishing():
                self._publisher.publish(tombstones, log=number, sequence=sequence)
            self._state.tombstones = tombstones
            self._state.memories.remove(frozen)
            self._show()
        self._log.remove_before(number)

    def _merge(self, merged: Sequence[Tombstones], progress: Callable[[int], None] | None = None) -> None:
        """Make one segment of some, without what is deleted of them."""
        with self._work:
            before = [each.state() for each in merged]
        searched = [SearchedSegment(each.segment, state) for each, state in zip(merged, before, strict=True)]
        scale = np.float32(self.manifest.weight_scale)
        rows = rows_of_segments(searched, self.manifest.model_terms, scale, windows=self._cuts)
        # Of windows, several are one document.
        report = in_proportion(progress, counted=rows.rows, reported=len(self.snapshot().documents))
        rate, vocabulary = self.policy.merge_rate, self._vocabulary
        made = build_segment(self.path, self.manifest, rows, vocabulary, searched, rate=rate, progress=report)
        with self._work:
            left = [each for each in self._state.tombstones if each not in merged]
            if made is not None:
                new = Tombstones(made)
                for each, seen in zip(merged, searched, strict=True):
                    bury_since(new, each, seen, self._tokens.of_rows)
                # The largest first: its best documents say early what the others need not look at.
                left.append(new)
                left.sort(key=lambda each: -len(each.segment))
            self._log.flush()  # as for a flush
            with self._publishing():
                self._publisher.publish(left)
            self._state.tombstones = left
            self._show()

    @contextmanager
    def _publishing(self) -> Iterator[None]:
        """Write nothing more once publishing has failed: whether readers see the one or the other is not known."""
        try:
            yield
        except BaseException as error:
            self._failure = error
            self._work.notify_all()
            raise

    @property
    def _cuts(self) -> bool:
        """Whether documents are cut into windows."""
        live = self.manifest.live
        return live is not None and live.windows is not None
