"""The names of a model's terms, wherever an index keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsr.core.errors import IndexFormatError
from lsr.core.vocabulary import Vocabulary
from lsr.index.format.files import RESTORE, file_problems
from lsr.index.format.manifest import Manifest
from lsr.index.parts.segment import Segment
from lsr.index.parts.vocabulary import FILE_NAME, StoredVocabulary


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
    for problem in file_problems(path, {FILE_NAME: live.vocabulary}):
        raise IndexFormatError(problem, remedies=[RESTORE])
    return StoredVocabulary(path / FILE_NAME, live.terms).read()
