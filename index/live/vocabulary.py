"""The names of a model's terms, wherever an index keeps them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from lsr.core.errors import IndexFormatError
from lsr.core.files import crc32, sync
from lsr.core.vocabulary import Vocabulary
from lsr.index.format.files import RESTORE, file_problems
from lsr.index.format.manifest import Manifest
from lsr.index.format.records import FileRecord
from lsr.index.parts.segment import Segment
from lsr.index.parts.vocabulary import StoredVocabulary, write_vocabulary

_NAME = re.compile(r"vocabulary-[0-9a-f]{8}\.jsonl|\.vocabulary")


def vocabulary_path(folder: Path, record: FileRecord) -> Path:
    """Where a collection has the vocabulary of this record: named by its checksum, for versions may differ in it."""
    return folder / f"vocabulary-{record.crc32:08x}.jsonl"


def is_vocabulary(name: str) -> bool:
    """Whether a file of this name in a collection is a vocabulary, or one that is being written."""
    return _NAME.fullmatch(name) is not None


def store_vocabulary(folder: Path, vocabulary: Vocabulary) -> FileRecord:
    """Write the vocabulary of a collection into its folder; return its record."""
    temporary = folder / ".vocabulary"
    write_vocabulary(temporary, vocabulary)
    sync(temporary)
    record = FileRecord(temporary.stat().st_size, crc32(temporary))
    temporary.rename(vocabulary_path(folder, record))
    return record


def vocabulary_problems(folder: Path, record: FileRecord | None, *, contents: bool = False) -> list[str]:
    """What is wrong with the file of a record: see `lsr.index.format.files.file_problems`."""
    return (
        []
        if record is None
        else file_problems(folder, {vocabulary_path(folder, record).name: record}, contents=contents)
    )


def remove_vocabularies(folder: Path, keep: Collection[FileRecord | None]) -> None:
    """Remove every vocabulary of a collection but those of these records."""
    names = {vocabulary_path(folder, record).name for record in keep if record is not None}
    for entry in folder.iterdir():
        if is_vocabulary(entry.name) and entry.name not in names:
            entry.unlink(missing_ok=True)


def stored_vocabulary(path: Path, manifest: Manifest, segments: Sequence[Segment]) -> Vocabulary | None:
    """That of the first segment that holds one, or of the collection at `path`; None if there is none.

    IndexFormatError for a damaged file.
    """
    for segment in segments:
        if segment.has_part("vocabulary"):
            found: Vocabulary = segment.part("vocabulary").read()
            return found
    live = manifest.live
    if live is None or live.vocabulary is None:
        return None
    for problem in vocabulary_problems(path, live.vocabulary):
        raise IndexFormatError(problem, remedies=[RESTORE])
    return StoredVocabulary(vocabulary_path(path, live.vocabulary), live.terms).read()
