"""Opening what an index consists of, while others may publish another state of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.manifest import Manifest, manifest_path
from lsr.index.format.records import SegmentRecord
from lsr.index.live.replay import LiveState, replayed
from lsr.index.parts.segment import Segment

T = TypeVar("T")
Known = Mapping[str, Segment]
Stamp = tuple[int, int, int]


class Opened(NamedTuple):
    """What was found: the manifest, its segments, and what the log adds to them.

    Attributes:
        state: None for an index that was built and left so.
        stamp: of the manifest's file, see `manifest_stamp`.
    """

    manifest: Manifest
    segments: tuple[Segment, ...]
    state: LiveState | None
    stamp: Stamp


def open_index(
    path: Path, use: Callable[[Opened], T], known: Known | None = None, kind: type[LiveState] = LiveState
) -> T:
    """What `use` makes of what lies at `path`.

    Whoever publishes meanwhile may remove what the manifest named that was read before: then all begins again. `known`:
    segments that are open, by name, which are not opened again. `kind` of the state that writes are applied to.

    IndexFormatError for an index that is damaged.
    """
    stamp, manifest = _manifest(path)
    while True:
        before = manifest
        try:
            opened = _opened(path, stamp, manifest, known or {}, kind)
            found = use(opened)
        except (IndexFormatError, InputError) as error:
            stamp, manifest = _manifest(path)
            if manifest != before:
                continue
            if isinstance(error, InputError):  # a record of what was done to the index
                problem = f"{manifest_path(path)}: damaged manifest ({error.problem})"
                raise IndexFormatError(problem, remedies=[BUILD_AGAIN]) from error
            raise
        if manifest.live is None or manifest_stamp(path) == stamp:
            return found
        # What was read of the log may be of the writes that another manifest began, and a part may have been gone.
        stamp, manifest = _manifest(path)
        if takes_same_writes(before, manifest) and not any(segment.unopened for segment in opened.segments):
            return found


def _manifest(path: Path) -> tuple[Stamp, Manifest]:
    stamp = manifest_stamp(path)
    return stamp, Manifest.read(path)


def _opened(path: Path, stamp: Stamp, manifest: Manifest, known: Known, kind: type[LiveState]) -> Opened:
    segments = open_segments(path, manifest, known)
    state = None if manifest.live is None else replayed(path, manifest, segments, kind)
    return Opened(manifest, segments, state, stamp)


def open_segments(path: Path, manifest: Manifest, known: Known) -> tuple[Segment, ...]:
    """The segments of a manifest; those that are known are not opened again. IndexFormatError as `Segment.open`."""
    segments = tuple(_segment(path, record, known.get(record.name)) for record in manifest.segments)
    if manifest.live is not None:
        for segment in segments:
            segment.open_all()
    return segments


def _segment(path: Path, record: SegmentRecord, known: Segment | None) -> Segment:
    if known is None or replace(known.record, parts={}) != replace(record, parts={}):
        return Segment.open(path / record.name, record)
    return known.renewed(record)


def manifest_stamp(path: Path) -> Stamp:
    """What changes whenever a manifest is published; IndexFormatError if there is none."""
    try:
        status = manifest_path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        Manifest.read(path)  # says what there is instead
        raise
    return status.st_ino, status.st_size, status.st_mtime_ns


def takes_same_writes(before: Manifest, after: Manifest) -> bool:
    """Whether the log's records mean the same to both: whether one was published as the other was written to."""
    if before.live is None or after.live is None:
        return False
    facts = replace(before.live, log=after.live.log, sequence=after.live.sequence)
    return facts == after.live and before.weight_scale == after.weight_scale and before.encoder == after.encoder
