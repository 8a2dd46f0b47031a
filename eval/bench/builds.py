"""Building the indexes of a benchmark, or finding them built.

A folder that is kept holds each index in a folder of its own, named after the engine and all that the index depends on,
with a record that is written last. A build that was broken off has none, and is built anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsr.core.files import atomic_file
from lsr.eval.bench.engines.contract import BuiltIndex, Engine

_RECORD = "built.json"


class Builder:
    """Builds indexes of one file of documents in one folder.

    Attributes:
        threads: of every build.
    """

    def __init__(self, documents: Path, dim: int, folder: Path, threads: int) -> None:
        self._documents, self._dim, self._folder, self.threads = documents, dim, folder, threads
        with documents.open("rb") as file:
            self._digest = hashlib.file_digest(file, "sha256").hexdigest()

    def found(self, engine: Engine, settings: Mapping[str, Any]) -> BuiltIndex | None:
        """The index, if it was built before by this version of the engine and may be used again."""
        if not engine.reusable:
            return None
        folder = self._folder_of(engine, settings)
        try:
            return BuiltIndex(folder, **json.loads((folder / _RECORD).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):  # none, or none that says what it must
            return None

    def build(self, engine: Engine, settings: Mapping[str, Any]) -> BuiltIndex:
        """Build the index, in place of one that is there. Raises LeftOut as `Engine.build` does."""
        folder = self._folder_of(engine, settings)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        built = engine.build(self._documents, self._dim, folder, settings, self.threads)
        record = {"bytes": built.bytes, "seconds": built.seconds, "facts": dict(built.facts)}
        with atomic_file(folder / _RECORD) as temporary:
            temporary.write_text(json.dumps(record), encoding="utf-8")
        return built

    def _folder_of(self, engine: Engine, settings: Mapping[str, Any]) -> Path:
        depends_on = [engine.name, engine.version, settings, self._digest, self._dim, self.threads]
        digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()
        return self._folder / f"{engine.name}-{digest[:16]}"
