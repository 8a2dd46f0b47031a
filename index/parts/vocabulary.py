"""The stored vocabulary: a JSON string a line, in the order of the ids."""

from __future__ import annotations

import json
import mmap
from pathlib import Path

from lsr.core.errors import IndexFormatError
from lsr.core.vocabulary import Vocabulary


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write the terms; ASCII, so that any string of Python comes back as it was."""
    with path.open("w", encoding="ascii") as file:
        file.writelines(json.dumps(term) + "\n" for term in vocabulary)


class StoredVocabulary:
    """A vocabulary on disk: mapped when opened, so that it outlives the file's name, and parsed when wanted."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise IndexFormatError(f"{path}: not readable ({error}): build the index again") from error

    def read(self) -> Vocabulary:
        """The terms."""
        return Vocabulary(json.loads(line) for line in self._map[:].splitlines())
