"""The manifest: what an index holds, and the checksums of its files.

It is the last file written and is put in place by an atomic rename, so a reader sees the old index or the new one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import lsr
from lsr.core.errors import IndexFormatError, InputError, Remedy
from lsr.core.files import crc32, sync
from lsr.core.options import shortened
from lsr.core.remedies import BUILD_AGAIN, build_index, upgrade
from lsr.core.unfinished import mark_output
from lsr.index.format.columns import SharedColumns
from lsr.index.format.files import read_index_file
from lsr.index.format.records import SEGMENT_NAME, FileRecord, PartRecord, SegmentRecord, checked_values
from lsr.index.format.settings import IndexSettings

FORMAT = "lsr-index"
FORMAT_VERSION = 3
# Older formats that can be brought up to date (`lsr.index.live.upgrade`). Format 2 had no parts, 1 had other blocks.
UPGRADABLE_VERSIONS = (2,)
# The formats that are searched as they are.
_READABLE_VERSIONS = (2, FORMAT_VERSION)
MANIFEST_NAME = "manifest.json"
_OPTIONAL = ("outliers", "columns", "shared_from", "words", "lexical", "synonyms")
# Entries of a folder that is no index, among which one is looked for.
_LOOKED_AT = 1000
# Those of builds are some kilobytes.
_LONGEST = 1 << 24


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts about one index.

    Attributes:
        segment: name of the folder that holds the files.
        documents: number of documents (rows).
        dim: number of terms in the vocabulary.
        postings: number of (term, weight) pairs in all documents.
        weight_scale: a stored weight q (1 to 255) stands for q * weight_scale.
        settings: the build's `IndexSettings`, as JSON values.
        encoder: the encoder's own description, as JSON values, or None.
        files: of the segment, by name, without those of added parts.
        parts: by name.
        tunings: what `lsr tune` found, as JSON values of `lsr.index.Tuning`.
        fusion: what `lsr tune --qrels` found, as JSON values of `lsr.index.fusion.tuning.FusionTuning`, or None.
        prunings: what each `lsr prune` did, in order, as JSON values of `lsr.vectors.pruning.Pruning`.
        windows: of an index whose rows are windows of documents: `lsr.text.windows.WindowSettings` as JSON values and
            `documents`, the number of these; else None.
        outliers: of an index with weights so far above the others that they are stored as lighter ones: `weights`, how
            many, `heaviest` of them, and the `limit` that they are stored as; else None, and left out of the file.
        columns: how many terms there are in the documents, where the segment keeps tables of these alone, `dim` being
            so many more (the part `term_ids`), or how many columns, where rare terms share some; else None, and left
            out of the file.
        shared_from: the first column that rare terms share (`lsr.index.format.columns`); None if none do, and left out.
        words: how many of the terms, the last ones, are words (`lsr.index.parts.words`); None for none, and left out.
        lexical: what `lsr tune --qrels` found of their weight, as JSON values of `lsr.search.lexical.LexicalTuning`;
            None for nothing, and left out.
        synonyms: rules of `lsr.encoding.lexical.synonyms` that `lsr synonyms` stored; None for none, and left out.
        created: time of the build, UTC, ISO 8601.
        library_version: version of lsr that built it.
    """

    segment: str
    documents: int
    dim: int
    postings: int
    weight_scale: float
    settings: dict[str, Any]
    encoder: dict[str, Any] | None
    files: dict[str, FileRecord]
    parts: dict[str, PartRecord] = field(default_factory=dict)
    tunings: list[dict[str, Any]] = field(default_factory=list)
    fusion: dict[str, Any] | None = None
    prunings: list[dict[str, Any]] = field(default_factory=list)
    windows: dict[str, Any] | None = None
    outliers: dict[str, Any] | None = None
    columns: int | None = None
    shared_from: int | None = None
    words: int | None = None
    lexical: dict[str, Any] | None = None
    synonyms: list[str] | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    library_version: str = lsr.__version__

    @property
    def segments(self) -> tuple[SegmentRecord, ...]:
        """The record of each segment; this format has exactly one."""
        return (
            SegmentRecord(
                name=self.segment,
                documents=self.documents,
                dim=self.dim if self.columns is None else self.columns,
                postings=self.postings,
                weight_scale=self.weight_scale,
                settings=IndexSettings.from_record(self.settings),
                files=self.files,
                parts=self.parts,
                windows=self.windows,
                library_version=self.library_version,
                shared=self._shared,
                words=self.words or 0,
            ),
        )

    @property
    def _shared(self) -> SharedColumns | None:
        if self.shared_from is None or self.columns is None:
            return None
        return SharedColumns(self.dim, self.columns, self.shared_from)

    def to_bytes(self) -> bytes:
        """The contents of the file: JSON in UTF-8, with a CRC-32 of its own values."""
        record = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        # Said only where there is something to say, so that older versions open every other index.
        record = {name: value for name, value in record.items() if name not in _OPTIONAL or value is not None}
        record["crc32"] = checksum(record)
        return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()

    def write(self, folder: Path) -> None:
        """Publish in `folder`, replacing the manifest that is there."""
        # Made inside the segment, so that a killed build's leftovers are removed with the rest of it.
        temporary = folder / self.segment / MANIFEST_NAME
        # Whatever stands there, as a link of a stranger's index, is not written through.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:
            file.write(self.to_bytes())
        sync(temporary)
        mark_output(folder, [crc32(temporary)])
        temporary.replace(folder / MANIFEST_NAME)
        sync(folder)

    @classmethod
    def read(cls, folder: str | Path, *, versions: Sequence[int] | None = None) -> Manifest:
        """Read the manifest of the index in `folder`; IndexFormatError says what is wrong with it.

        `versions`: the format versions to accept; by default, those that can be searched.
        """
        path = Path(folder) / MANIFEST_NAME
        record = _load(path)
        version = record.pop("format_version", None)
        if type(version) is not int or version not in (_READABLE_VERSIONS if versions is None else versions):
            written = record.get("library_version", "an unknown version")
            raise IndexFormatError(
                f"{path}: index format {_shown(version)}, written by lsr {_shown(written)}; this lsr "
                f"{lsr.__version__} reads format {FORMAT_VERSION}",
                remedies=_remedies(version, path.parent),
            )
        if record.pop("crc32", None) != checksum({**record, "format_version": version}):
            raise IndexFormatError(
                f"{path}: damaged manifest (its values do not match its CRC-32)", remedies=[BUILD_AGAIN]
            )
        try:
            known = {each.name for each in fields(cls)} | {"format"}
            for name in record:
                if name not in known:
                    raise InputError("there is no such field", field=shortened(name))
            manifest = cls(**checked_values(record))
        except InputError as error:
            raise IndexFormatError(f"{path}: damaged manifest ({error.problem})", remedies=[BUILD_AGAIN]) from error
        manifest._check_folders(path.parent)
        return manifest

    def _check_folders(self, path: Path) -> None:
        """IndexFormatError for a folder of the index that is a link: nothing is read or written through one."""
        segment = path / self.segment
        for folder in (segment, *(segment / part.folder for part in self.parts.values())):
            if folder.is_symlink():
                raise IndexFormatError(
                    f"{folder}: a symbolic link, which is not followed; copy what it leads to into its place"
                )


def format_version(folder: str | Path) -> int:
    """The format version of the index in `folder`, readable or not. IndexFormatError if it states none."""
    path = Path(folder) / MANIFEST_NAME
    version = _load(path).get("format_version")
    if type(version) is not int:
        remedies = _remedies(version, path.parent)
        raise IndexFormatError(f"{path}: damaged manifest (index format {shortened(version)})", remedies=remedies)
    return version


def _remedies(version: Any, folder: Path) -> list[Remedy | str]:
    """What can be done about an index of a format that is not read."""
    if type(version) is int and version > FORMAT_VERSION:
        return ["install a newer lsr", BUILD_AGAIN]
    return [upgrade(folder)] if type(version) is int and version in UPGRADABLE_VERSIONS else [BUILD_AGAIN]


def _shown(value: Any) -> str:
    """A value for people; one of a stranger's file, so not whatever it is."""
    return value if isinstance(value, str) and value.isprintable() and len(value) < 40 else shortened(value)


def checksum(record: dict[str, Any]) -> int:
    """CRC-32 of a manifest's values without "crc32", independent of their layout in the file."""
    return zlib.crc32(json.dumps(json.loads(json.dumps(record)), sort_keys=True).encode())


def index_identity(folder: Path) -> list[int]:
    """What the index in `folder` is known by: another one, or the same with another part, has another."""
    return [crc32(folder / MANIFEST_NAME)]


def published_segment(folder: Path) -> str | None:
    """Name of the segment of the index in `folder`, of whatever version, or None if there is no index."""
    try:
        name = _load(folder / MANIFEST_NAME).get("segment")
    except IndexFormatError:
        return None
    return name if isinstance(name, str) and SEGMENT_NAME.fullmatch(name) else None


def is_index(folder: Path) -> bool:
    """Whether `folder` holds an lsr index, of whatever version."""
    try:
        _load(folder / MANIFEST_NAME)
    except IndexFormatError:
        return False
    return True


def _load(path: Path) -> dict[str, Any]:
    if not path.is_symlink() and not path.exists():
        raise _none_here(path.parent)
    try:
        record = json.loads(read_index_file(path, _LONGEST).decode())
        json.dumps(record, ensure_ascii=False).encode()  # as it would be written again
    except (ValueError, RecursionError) as error:
        raise IndexFormatError(f"{path}: damaged manifest ({error})", remedies=[BUILD_AGAIN]) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise IndexFormatError(f"{path}: not the manifest of an lsr index; give the folder of an lsr index")
    return record


def _none_here(folder: Path) -> IndexFormatError:
    """The error of a path where there is no index: what there is, and an index within it if there is one."""
    if folder.is_file():
        return IndexFormatError(
            f"{folder}: no index here, but a file: an index is a folder", remedies=[build_index(folder)]
        )
    if not folder.is_dir():
        return IndexFormatError(f"{folder}: no index here, and nothing else", remedies=[build_index(None, folder)])
    within = next((each for each in sorted(islice(folder.iterdir(), _LOOKED_AT)) if is_index(each)), None)
    problem = f"{folder}: no index here ({MANIFEST_NAME} is missing)"
    if within is not None:
        return IndexFormatError(f"{problem}, but there is one in it: give {within}")
    return IndexFormatError(problem, remedies=["give the folder of one", build_index(folder)])
