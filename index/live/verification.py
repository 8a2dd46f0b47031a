"""Checking an index against its manifest, and for consistency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from lsr.core.arguments import path_of
from lsr.core.errors import IndexFormatError, InputError, LsrError
from lsr.index.format.files import file_problems, folder_problem
from lsr.index.format.live_record import LiveRecord
from lsr.index.format.manifest import Manifest, manifest_path, published_segments
from lsr.index.format.records import FileRecord, SegmentRecord
from lsr.index.live.log.reader import LogReader
from lsr.index.live.log.records import decode
from lsr.index.live.sparse import check_done
from lsr.index.live.versions import kept_version
from lsr.index.live.vocabulary import vocabulary_problems
from lsr.index.parts.deleted import NAME as DELETED
from lsr.index.parts.part import Part
from lsr.index.parts.registry import PARTS, written_parts
from lsr.index.parts.segment import Segment, unknown_files

_OF_KEPT = " (of the version that was kept)"


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
    problems = manifest_problems(path, manifest)
    for record in manifest.segments:
        problems += [problem.said for problem in segment_problems(path / record.name, record)]
    if manifest.live is None:
        return problems
    return [*problems, *_live_problems(path, manifest.live), *kept_problems(path, manifest.live)]


def manifest_problems(path: Path, manifest: Manifest) -> list[str]:
    """What the manifest says of tuning and pruning that it cannot."""
    try:
        check_done(manifest)
    except InputError as error:
        return [f"{manifest_path(path)}: damaged manifest ({error.problem})"]
    return []


def _live_problems(path: Path, live: LiveRecord) -> list[str]:
    """Those of what a collection has beside its segments. A torn tail is none: nothing in it was acknowledged."""
    problems = vocabulary_problems(path, live.vocabulary, contents=True)
    try:
        for record in LogReader(path, bytes.fromhex(live.identity), first=live.log, after=live.sequence):
            decode(record.payload, f"{record.path}: record {record.sequence:,}")
    except IndexFormatError as error:
        problems.append(error.message())
    return problems


def kept_problems(path: Path, live: LiveRecord) -> list[str]:
    """Those of the version that was kept of the collection at `path`, beside the one that is searched; if one was."""
    try:
        kept = kept_version(path)
    except IndexFormatError as error:
        return [error.message() + _OF_KEPT]
    if kept is None or kept.live is None:
        return []
    found = []
    if kept.live.vocabulary != live.vocabulary:
        found += vocabulary_problems(path, kept.live.vocabulary, contents=True)
    for record in kept.segments:
        found += [problem.said for problem in segment_problems(path / record.name, record)]
    return [said + _OF_KEPT for said in found]


class Problem(NamedTuple):
    """One problem of a segment.

    Attributes:
        said: in words, beginning with a file's path.
        files: those that cannot be relied on, as `lsr.index.parts.recipes` names them; none if that is not known.
        unknown: whether the file is of a part that this lsr does not know, and may be whole.
    """

    said: str
    files: frozenset[str] = frozenset()
    unknown: bool = False


def segment_problems(folder: Path, record: SegmentRecord) -> list[Problem]:
    """Every problem of the segment in `folder`, those of its own files first, then those of added parts."""
    problems = [Problem(said, unknown=True) for said in unknown_files(folder, record)]
    problems += _file_problems(folder, record.files)
    segment = None
    if not problems:
        try:
            segment = Segment.open(folder, record)
        except IndexFormatError as error:
            problems.append(_inside(error.message(), folder, record.files))
        else:
            for part in written_parts():
                if part.is_in(record):
                    problems += _part_problems(part, segment, record.files)
    for name in record.parts:
        without = "the index does not open" if name == DELETED else "searches without it still answer"
        for problem in _added_problems(folder, record, name, segment):
            files = problem.files or record.parts[name].files
            problems.append(
                Problem(
                    f"{problem.said} (the {name} part; {without})",
                    frozenset(f"{name}/{file}" for file in files),
                    name not in PARTS,
                )
            )
    return problems


def _file_problems(folder: Path, files: Mapping[str, FileRecord]) -> list[Problem]:
    """Those of missing, shortened and changed files."""
    problem = folder_problem(folder)
    if problem is not None:
        return [Problem(problem, frozenset(files))]
    return [
        Problem(said, frozenset([name]))
        for name, record in files.items()
        for said in file_problems(folder, {name: record}, contents=True)
    ]


def _inside(said: str, folder: Path, files: Iterable[str]) -> Problem:
    """A problem that is said of a file whose checksum is right."""
    return Problem(said, frozenset(name for name in files if said.startswith(f"{folder / name}: ")))


def _part_problems(part: Part, segment: Segment, files: Iterable[str]) -> list[Problem]:
    """Those inside the files of a part, up to one that ends the reading."""
    problems = []
    try:
        for problem in part.problems(segment):
            problems.append(_inside(f"{segment.folder / problem}", segment.folder, files))
    except IndexFormatError as error:
        problems.append(_inside(error.message(), segment.folder, files))
    return problems


def _added_problems(folder: Path, record: SegmentRecord, name: str, segment: Segment | None) -> list[Problem]:
    """Problems of an added part: of its files alone if this lsr does not know the part or the segment is damaged."""
    folder /= record.parts[name].folder
    files = record.parts[name].files
    problems = _file_problems(folder, files)
    if problems or name not in PARTS or segment is None:
        return problems
    try:
        return [_inside(f"{folder / problem}", folder, files) for problem in PARTS[name].problems(segment)]
    except LsrError as error:
        return [_inside(error.problem, folder, files)]
