"""The manifest: what an index holds, and the checksums of its files.

It is the last file written and is put in place by an atomic rename, so a reader sees the old index or the new one.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import lsr
from lsr.core.annotated import as_annotated
from lsr.core.errors import IndexFormatError, InputError, Remedy
from lsr.core.files import crc32, sync
from lsr.core.mapping import map_file
from lsr.core.options import beneath, shortened
from lsr.core.remedies import BUILD_AGAIN, build_index, upgrade
from lsr.core.unfinished import mark_output
from lsr.index.format.files import read_index_file
from lsr.index.format.live_record import LiveRecord
from lsr.index.format.records import SEGMENT_FIELDS, SEGMENT_NAME, SegmentRecord, collection_values, mapping
from lsr.index.format.shards import SHARDS_FIELDS, SHARDS_FORMAT, SHARDS_NAME, SHARDS_VERSION, Shards

FORMAT = "lsr-index"
FORMAT_VERSION = 4
# What an index that is not written to after its build stays in: one segment, said of without a list.
FROZEN_VERSION = 3
# Older formats that can be brought up to date (`lsr.index.live.upgrade`). Format 2 had no parts, 1 had other blocks.
UPGRADABLE_VERSIONS = (2,)
# The formats that are searched as they are.
_READABLE_VERSIONS = (2, FROZEN_VERSION, FORMAT_VERSION)
MANIFEST_NAME = "manifest.json"
_COLLECTION_FIELDS = (
    *("weight_scale", "encoder", "tunings", "fusion", "prunings", "outliers", "lexical", "synonyms"),
    *("relevance", "created"),
    "library_version",
)
# Said only where there is something to say, so that older versions open every other index.
_OPTIONAL = ("outliers", "lexical", "synonyms", "relevance")
# Entries of a folder that is no index, among which one is looked for.
_LOOKED_AT = 1000
# Those of builds are some kilobytes.
_LONGEST = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The facts about one index.

    Attributes:
        segments: what it is made of; none only in a collection that is written to.
        weight_scale: a stored weight q (1 to 255) stands for q * weight_scale.
        encoder: the encoder's own description, as JSON values, or None.
        tunings: what `lsr tune` found, as JSON values of `lsr.index.Tuning`.
        fusion: what `lsr tune --qrels` found, as JSON values of `lsr.index.fusion.tuning.FusionTuning`, or None.
        prunings: what each `lsr prune` did, in order, as JSON values of `lsr.vectors.pruning.Pruning`.
        outliers: of an index with weights so far above the others that they are stored as lighter ones: `weights`, how
            many, `heaviest` of them, and the `limit` that they are stored as; else None, and left out of the file.
        lexical: what `lsr tune --qrels` found of their weight, as JSON values of `lsr.search.lexical.LexicalTuning`;
            None for nothing, and left out.
        synonyms: rules of `lsr.encoding.lexical.synonyms` that `lsr synonyms` stored; None for none, and left out.
        relevance: what `lsr calibrate` found, as JSON values of `lsr.search.relevance.Calibration`; None for nothing,
            and left out.
        live: of a collection that is written to; None for an index that was built and left so.
        shards: of a collection of several indexes; None for an index that is one. The names of its segments lead
            through the folders of the shards.
        created: time of the build, UTC, ISO 8601.
        library_version: version of lsr that wrote it.
    """

    segments: tuple[SegmentRecord, ...]
    weight_scale: float
    encoder: dict[str, Any] | None
    tunings: list[dict[str, Any]] = field(default_factory=list)
    fusion: dict[str, Any] | None = None
    prunings: list[dict[str, Any]] = field(default_factory=list)
    outliers: dict[str, Any] | None = None
    lexical: dict[str, Any] | None = None
    synonyms: list[str] | None = None
    relevance: list[dict[str, Any]] | None = None
    live: LiveRecord | None = None
    shards: Shards | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    library_version: str = lsr.__version__

    # -- of all segments ---------------------------------------------------------------------------------------------

    @property
    def segment(self) -> str | None:
        """Name of the first segment: what an index that was built and left so is known by; None if there is none."""
        return self.segments[0].name if self.segments else None

    @property
    def documents(self) -> int:
        """Number of rows, those of deleted documents too."""
        return sum(segment.documents for segment in self.segments)

    @property
    def postings(self) -> int:
        """Number of (term, weight) pairs in all rows."""
        return sum(segment.postings for segment in self.segments)

    @property
    def words(self) -> int:
        """Number of words, as each segment counts them."""
        return sum(segment.words for segment in self.segments)

    @property
    def weight_bits(self) -> int:
        """Bits of a stored weight: 8, 16 or 24."""
        return (self.segments[0].settings if self.live is None else self.live.settings).weight_bits

    @property
    def model_terms(self) -> int:
        """Number of the model's terms, which are those of every segment."""
        if self.live is not None:
            return self.live.terms
        return self.segments[0].ids - self.segments[0].words

    @property
    def dim(self) -> int:
        """Number of term ids: the model's terms, and the words of one segment after the other."""
        return self.model_terms + self.words

    # -- in the file -------------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The format version that says all of it: older versions open every index that was built and left so."""
        if self.shards is not None:
            return SHARDS_VERSION
        return FROZEN_VERSION if self.live is None else FORMAT_VERSION

    def to_bytes(self) -> bytes:
        """The contents of the file: JSON in UTF-8, with a CRC-32 of its own values."""
        format = FORMAT if self.shards is None else SHARDS_FORMAT
        record: dict[str, Any] = {"format": format, "format_version": self.version}
        if self.shards is not None:
            record |= self.shards.to_record()  # each says of its segment itself
        elif self.live is None:
            (segment,) = self.segments
            record |= segment.to_record()
        else:
            record |= {"segments": [segment.to_record() for segment in self.segments], "live": self.live.to_record()}
        record |= {
            name: getattr(self, name)
            for name in _COLLECTION_FIELDS
            if name not in _OPTIONAL or getattr(self, name) is not None
        }
        record["crc32"] = checksum(record)
        return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()

    def write(self, folder: Path) -> None:
        """Publish in `folder`, replacing the manifest that is there."""
        name = MANIFEST_NAME if self.shards is None else SHARDS_NAME
        if self.live is None and self.shards is None:
            # Made inside the segment, so that a killed build's leftovers are removed with the rest of it.
            temporary = folder / self.segments[0].name / MANIFEST_NAME
        else:
            temporary = folder / f".{name}"
        # Whatever stands there, as a link of a stranger's index, is not written through.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:
            file.write(self.to_bytes())
        sync(temporary)
        mark_output(folder, [crc32(temporary)])
        temporary.replace(folder / name)
        sync(folder)

    @classmethod
    @as_annotated
    def read(cls, folder: str | Path, *, versions: Sequence[int] | None = None) -> Manifest:
        """Read the manifest of the index in `folder`; IndexFormatError says what is wrong with it.

        `versions`: the format versions to accept; by default, those that can be searched.
        """
        path = manifest_path(Path(folder))
        record = _load(path)
        sharded = path.name == SHARDS_NAME
        version = record.pop("format_version", None)
        readable = (SHARDS_VERSION,) if sharded else _READABLE_VERSIONS if versions is None else versions
        if type(version) is not int or version not in readable:
            written = record.get("library_version", "an unknown version")
            raise IndexFormatError(
                f"{path}: index format {_shown(version)}, written by lsr {_shown(written)}; this lsr "
                f"{lsr.__version__} reads format {readable[-1]}",
                remedies=_remedies(version, path.parent, newest=readable[-1]),
            )
        if record.pop("crc32", None) != checksum({**record, "format_version": version}):
            raise IndexFormatError(
                f"{path}: damaged manifest (its values do not match its CRC-32)", remedies=[BUILD_AGAIN]
            )
        try:
            if sharded:
                return cls._of_shards(record, path.parent)
            manifest = cls._from_record(record, live=version == FORMAT_VERSION)
        except InputError as error:
            raise IndexFormatError(f"{path}: damaged manifest ({error.problem})", remedies=[BUILD_AGAIN]) from error
        manifest._check_folders(path.parent)
        return manifest

    @classmethod
    def _from_record(cls, record: dict[str, Any], *, live: bool) -> Manifest:
        """From JSON values; InputError names one that is unknown, missing or wrong."""
        known = {"format", *_COLLECTION_FIELDS, *(("segments", "live") if live else SEGMENT_FIELDS)}
        _check_known(record, known)
        values = collection_values(record)
        scale = values["weight_scale"]
        if not live:
            return cls(segments=(SegmentRecord.from_record(record, scale),), **values)
        with beneath("live"):
            facts = LiveRecord.from_record(record.get("live"))
        listed = record.get("segments")
        if not isinstance(listed, list):
            raise InputError(f"must be a list, not {shortened(listed)}", field="segments")
        segments = []
        with beneath("segments"):
            for place, each in enumerate(listed):
                with beneath(str(place)):
                    for name in mapping(each):
                        if name not in SEGMENT_FIELDS:
                            raise InputError("there is no such field", field=shortened(name))
                    segment = SegmentRecord.from_record(each, scale)
                    if segment.ids - segment.words != facts.terms:
                        raise InputError(f"must be {facts.terms:,} terms of the model, and words", field="dim")
                    segments.append(segment)
            if len({segment.name for segment in segments}) < len(segments):
                raise InputError("names a segment twice")
        return cls(segments=tuple(segments), live=facts, **values)

    @classmethod
    def _of_shards(cls, record: dict[str, Any], folder: Path) -> Manifest:
        """From JSON values, and what the shards in `folder` say of themselves; InputError as `_from_record`.

        IndexFormatError names a shard that is missing, damaged, or another than is meant.
        """
        _check_known(record, {"format", *_COLLECTION_FIELDS, *SHARDS_FIELDS})
        values, shards = collection_values(record), Shards.from_record(record)
        segments = []
        for shard in shards.records:
            if shard is None:
                continue
            place = folder / shard.name
            if place.is_symlink():
                raise _linked(place)
            if not (place / MANIFEST_NAME).exists():
                raise IndexFormatError(f"{place}: missing, or not whole", remedies=[BUILD_AGAIN])
            manifest = cls.read(place)
            alike = manifest.weight_scale == values["weight_scale"] and manifest.encoder == values["encoder"]
            if not alike or manifest.live is not None or manifest.shards is not None:
                raise IndexFormatError(f"{place}: not a shard of this collection", remedies=[BUILD_AGAIN])
            (segment,) = manifest.segments
            if (segment.name, segment.documents) != (shard.segment, shard.documents):
                raise IndexFormatError(f"{place}: another version of this shard than is meant", remedies=[BUILD_AGAIN])
            segments.append(replace(segment, name=f"{shard.name}/{segment.name}"))
        if len({(each.ids - each.words, each.settings.weight_bits) for each in segments}) > 1:
            raise InputError("have different terms or weights", field="shards")
        return cls(segments=tuple(segments), shards=shards, **values)

    def _check_folders(self, path: Path) -> None:
        """IndexFormatError for a folder of the index that is a link: nothing is read or written through one."""
        for record in self.segments:
            segment = path / record.name
            for folder in (segment, *(segment / part.folder for part in record.parts.values())):
                if folder.is_symlink():
                    raise _linked(folder)

    def with_segment(self, name: str, **changes: Any) -> Manifest:
        """The same, but for what it says of the segment of this name."""
        return replace(
            self,
            segments=tuple(replace(each, **changes) if each.name == name else each for each in self.segments),
        )


def _check_known(record: dict[str, Any], known: set[str]) -> None:
    for name in record:
        if name not in known:
            raise InputError("there is no such field", field=shortened(name))


def _linked(folder: Path) -> IndexFormatError:
    return IndexFormatError(f"{folder}: a symbolic link, which is not followed; copy what it leads to into its place")


def manifest_path(folder: Path) -> Path:
    """The file that says what the index in `folder` consists of, if there is one; that of shards is found second."""
    path = folder / MANIFEST_NAME
    shards = folder / SHARDS_NAME
    return shards if not os.path.lexists(path) and os.path.lexists(shards) else path


def has_manifest(folder: Path) -> bool:
    """Whether there is such a file."""
    return manifest_path(folder).is_file()


def is_sharded(folder: str | Path) -> bool:
    """Whether the index in `folder` is a collection of shards; where there is none, it is not."""
    return manifest_path(Path(folder)).name == SHARDS_NAME


@as_annotated
def format_version(folder: str | Path) -> int:
    """The format version of the index in `folder`, readable or not. IndexFormatError if it states none."""
    path = manifest_path(Path(folder))
    version = _load(path).get("format_version")
    if type(version) is not int:
        remedies = _remedies(version, path.parent)
        raise IndexFormatError(f"{path}: damaged manifest (index format {shortened(version)})", remedies=remedies)
    return version


def _remedies(version: Any, folder: Path, newest: int = FORMAT_VERSION) -> list[Remedy | str]:
    """What can be done about an index of a format that is not read."""
    if type(version) is int and version > newest:
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
    return [zlib.crc32(map_file(manifest_path(folder), follow=True).data)]


def published_segments(folder: Path) -> set[str]:
    """Names of the segments of the index in `folder`, of whatever version; none if there is no index."""
    try:
        record = _load(manifest_path(folder))
    except IndexFormatError:
        return set()
    shards = record.get("shards")
    if isinstance(shards, list):
        return {str(each.get("segment")) for each in shards if isinstance(each, dict)}
    listed = record.get("segments")
    named = [record, *(listed if isinstance(listed, list) else [])]
    names = [each.get("segment") for each in named if isinstance(each, dict)]
    return {name for name in names if isinstance(name, str) and SEGMENT_NAME.fullmatch(name)}


def is_index(folder: Path) -> bool:
    """Whether `folder` holds an lsr index, of whatever version."""
    path = manifest_path(folder)
    if not os.path.lexists(path):
        return False  # and no look at what else there is, as for an error's words
    try:
        _load(path)
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
    format = SHARDS_FORMAT if path.name == SHARDS_NAME else FORMAT
    if not isinstance(record, dict) or record.get("format") != format:
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
