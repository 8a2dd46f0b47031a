"""Checking an index against its manifest, and for consistency."""

from __future__ import annotations

from pathlib import Path

from lsr.core.arguments import path_of
from lsr.core.errors import IndexFormatError, InputError, LsrError
from lsr.index.format.files import file_problems
from lsr.index.format.live_record import LiveRecord
from lsr.index.format.manifest import MANIFEST_NAME, Manifest, published_segments
from lsr.index.format.records import SegmentRecord
from lsr.index.live.log.reader import LogReader
from lsr.index.live.log.records import decode
from lsr.index.live.sparse import check_done
from lsr.index.live.vocabulary import vocabulary_problems
from lsr.index.parts.deleted import NAME as DELETED
from lsr.index.parts.part import Part
from lsr.index.parts.registry import PARTS, written_parts
from lsr.index.parts.segment import Segment, unknown_files


def verify(path: str | Path) -> list[str]:
    """Every problem of the index in the folder `path`, each with its file; empty if the index is sound.

    Compares sizes and CRC-32 checksums of all files with the manifest, then looks for what a search trusts: offsets
    that ascend, term ids and rows in range and ascending, weights that are not zero, an id table in order. Reads every
    file once or twice, in chunks. If the index is replaced meanwhile, the check starts again.
    """
    path = path_of(path, "the path of an index")
    while True:
        segments = published_segments(path)
        problems = _problems(path)
        if not problems or published_segments(path) == segments:
            return problems


def _problems(path: Path) -> list[str]:
    try:
        manifest = Manifest.read(path)
    except IndexFormatError as error:
        return [error.message()]
    problems = []
    try:
        check_done(manifest)
    except InputError as error:
        problems.append(f"{path / MANIFEST_NAME}: damaged manifest ({error.problem})")
    problems += [each for record in manifest.segments for each in _segment_problems(path / record.name, record)]
    return problems if manifest.live is None else problems + _live_problems(path, manifest.live)


def _live_problems(path: Path, live: LiveRecord) -> list[str]:
    """Those of what a collection has beside its segments. A torn tail is none: nothing in it was acknowledged."""
    problems = vocabulary_problems(path, live.vocabulary, contents=True)
    try:
        for record in LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence):
            decode(record.payload, f"{record.path}: record {record.sequence:,}")
    except IndexFormatError as error:
        problems.append(error.message())
    return problems


def _segment_problems(folder: Path, record: SegmentRecord) -> list[str]:
    problems = [*unknown_files(folder, record), *file_problems(folder, record.files, contents=True)]
    segment = None
    if not problems:
        try:
            segment = Segment.open(folder, record)
        except IndexFormatError as error:
            problems.append(error.message())
        else:
            for part in written_parts():
                if part.is_in(record):
                    problems += _part_problems(part, segment, folder)
    for name in record.parts:
        found = _added_problems(folder, record, name, segment)
        without = "the index does not open" if name == DELETED else "searches without it still answer"
        problems += [f"{problem} (the {name} part; {without})" for problem in found]
    return problems


def _part_problems(part: Part, segment: Segment, folder: Path) -> list[str]:
    """Those inside the files of a part in `folder`, up to one that ends the reading."""
    problems = []
    try:
        for problem in part.problems(segment):
            problems.append(f"{folder / problem}")
    except IndexFormatError as error:
        problems.append(error.message())
    return problems


def _added_problems(folder: Path, record: SegmentRecord, name: str, segment: Segment | None) -> list[str]:
    """Problems of an added part: of its files alone if this lsr does not know the part or the segment is damaged."""
    folder /= record.parts[name].folder
    problems = file_problems(folder, record.parts[name].files, contents=True)
    if problems or name not in PARTS or segment is None:
        return problems
    try:
        return [f"{folder / problem}" for problem in PARTS[name].problems(segment)]
    except LsrError as error:
        return [error.problem]
