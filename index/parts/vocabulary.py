"""The stored vocabulary: a JSON string a line, in the order of the ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from lsr.core.errors import IndexFormatError
from lsr.core.remedies import BUILD_AGAIN
from lsr.core.vocabulary import Vocabulary
from lsr.index.format.files import RESTORE, map_index_file
from lsr.index.format.records import SegmentRecord
from lsr.index.parts.draft import SegmentDraft
from lsr.index.parts.part import OpenSegment, WrittenPart

FILE_NAME = "vocabulary.jsonl"

# json.loads takes several times as long: it looks for the encoding of each line, and for space around the term.
_decode = json.JSONDecoder().raw_decode


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write the terms; in ASCII, so that any Python string is read back unchanged."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(term) + "\n" for term in vocabulary)


class StoredVocabulary:
    """A vocabulary on disk: mapped when opened, so that it outlives the file's name, and parsed on first use."""

    def __init__(self, path: Path, dim: int) -> None:
        self._path, self._dim = path, dim
        self._map = map_index_file(path)
        self._found: Vocabulary | None = None

    def read(self) -> Vocabulary:
        """The terms, parsed once: every snapshot of a collection asks for them.

        IndexFormatError names the line of one that is not a text, comes twice, or is not expected.
        """
        if self._found is None:
            self._found = self._parsed()
        return self._found

    def _parsed(self) -> Vocabulary:
        lines = self._map.tobytes().splitlines()
        if len(lines) != self._dim:
            self._fail(f"expected {self._dim:,} lines, found {len(lines):,}")
        terms: dict[str, None] = {}
        for place, line in enumerate(lines, start=1):
            try:
                term = _term(line)
            except (ValueError, RecursionError) as error:
                self._fail(f"line {place:,} is not JSON ({error})")
            if not isinstance(term, str):
                self._fail(f"line {place:,} is not a text")
            terms[term] = None
            if len(terms) < place:
                self._fail(f"the term of line {place:,} stands there twice")
        return Vocabulary(terms)

    def _fail(self, problem: str) -> NoReturn:
        raise IndexFormatError(f"{self._path}: {problem}", remedies=[BUILD_AGAIN, RESTORE]) from None


def _term(line: bytes) -> object:
    """The value of a line. ValueError or RecursionError if it is none."""
    if line[:1] == b'"':
        text = line.decode()
        term, end = _decode(text)
        if end == len(text):
            return term
    return json.loads(line)


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
        return StoredVocabulary(folder / FILE_NAME, record.terms - record.words)

    def problems(self, segment: OpenSegment) -> Iterator[str]:
        """See `Part.problems`."""
        try:
            segment.part(self.name).read()
        except IndexFormatError as error:
            yield error.problem.removeprefix(f"{segment.folder}/")

    def wanted(self, draft: SegmentDraft) -> bool:
        """See `WrittenPart.wanted`."""
        return draft.vocabulary is not None and len(draft.vocabulary) > 0

    def write(self, draft: SegmentDraft, report: Callable[[int], None]) -> None:
        """See `WrittenPart.write`."""
        assert draft.vocabulary is not None
        write_vocabulary(draft.folder / FILE_NAME, draft.vocabulary)
