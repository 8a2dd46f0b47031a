"""The stored vocabulary: a JSON string a line, in the order of the ids."""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable
from pathlib import Path

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.core.vocabulary import Vocabulary
from lsr.index.format.manifest import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import WrittenPart

FILE_NAME = "vocabulary.jsonl"


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write the terms; in ASCII, so that any Python string is read back unchanged."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(term) + "\n" for term in vocabulary)


class StoredVocabulary:
    """A vocabulary on disk: mapped when opened, so that it outlives the file's name, and parsed on first use."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise IndexFormatError(f"{path}: not readable ({error})", remedies=[BUILD_AGAIN]) from error

    def read(self) -> Vocabulary:
        """The terms."""
        return Vocabulary(json.loads(line) for line in self._map[:].splitlines())


class VocabularyPart(WrittenPart):
    """See `StoredVocabulary`."""

    name = "vocabulary"
    title = "the terms"
    files = (FILE_NAME,)

    def is_in(self, record: SegmentRecord) -> bool:
        """True unless the segment was made of vectors alone."""
        return FILE_NAME in record.files

    def open(self, folder: Path, record: SegmentRecord) -> StoredVocabulary:
        """See `Part.open`."""
        return StoredVocabulary(folder / FILE_NAME)

    def wanted(self, draft: SegmentDraft) -> bool:
        """See `WrittenPart.wanted`."""
        return draft.vocabulary is not None

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        assert draft.vocabulary is not None
        write_vocabulary(draft.folder / FILE_NAME, draft.vocabulary)
