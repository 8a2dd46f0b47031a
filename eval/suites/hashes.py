"""Hashes of what a result depends on: corpora, judged queries, models, run files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from lsr.core.errors import MissingInputError
from lsr.core.files import atomic_file
from lsr.core.progress import Stages, silent
from lsr.core.structured import read_settings
from lsr.encoding.shared.hub import locate
from lsr.eval.collections import TestCollection
from lsr.text import count_documents, irds, open_corpus
from lsr.text.beir import is_beir_folder, part_file


def digest(*values: Any) -> str:
    """SHA-256 of JSON values: 16 hexadecimal digits."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


class Hashes:
    """Hashes of contents, remembered in a file by the sizes and times of what they are of.

    Args:
        path: the file; made when something is remembered.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[Any]] = read_settings(path) if path.exists() else {}

    def of_corpus(self, source: str, stages: Stages = silent) -> str:
        """Of a corpus: its files, or, of a data set of ir_datasets, its documents as they are read.

        Raises MissingInputError if it is not there.
        """
        if source.startswith(irds.PREFIX):
            return self._remembered(source, irds.load(source).docs_metadata(), lambda: _of_documents(source, stages))
        path = Path(source)
        return self.of_files(part_file(path, "corpus") if path.is_dir() and is_beir_folder(path) else path)

    def of_model(self, name: str) -> str:
        """Of a model's folder, as `lsr.encoding.shared.hub.locate` finds it."""
        return self.of_files(locate(name)[1])

    def of_files(self, path: Path) -> str:
        """Of a file, or of all files below a folder. Raises MissingInputError if there is none."""
        if not path.exists():
            raise MissingInputError(f"there is no file or folder {path}")
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        stamp = [[each.relative_to(path).as_posix(), each.stat().st_size, each.stat().st_mtime_ns] for each in files]
        return self._remembered(str(path.resolve()), stamp, lambda: _of_files(path, files))

    def _remembered(self, key: str, stamp: Any, compute: Any) -> str:
        stamp = json.loads(json.dumps(stamp))
        found = self._known.get(key)
        if found is None or found[0] != stamp:
            self._known[key] = found = [stamp, compute()]
            with atomic_file(self._path, force=True) as temporary:
                temporary.write_text(json.dumps(self._known), encoding="utf-8")
        return str(found[1])


def of_judged(collection: TestCollection) -> str:
    """Of the judged queries, their texts and their judgements."""
    return digest([[query.id, query.text] for query in collection.queries], collection.qrels)


def _of_files(path: Path, files: Iterable[Path]) -> str:
    total = sha256()
    for each in files:
        with each.open("rb") as stream:
            total.update(each.relative_to(path).as_posix().encode() + b"\0" + file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


def _of_documents(source: str, stages: Stages) -> str:
    total = sha256()
    with stages(f"reading {source}", count_documents(source), "documents") as progress:
        for text in _texts(source):
            total.update(text.encode())
            progress(1)
    return total.hexdigest()[:16]


def _texts(source: str) -> Iterator[str]:
    return (json.dumps([each.id, each.title, each.text]) + "\n" for each in open_corpus(source))
