"""Resumable encoding: a corpus becomes a folder of shards, each written whole, so that an interrupted run goes on.

A shard holds some documents with their vectors (Parquet: `id`, `title`, `text`, `fields` as JSON, `indices`, `values`).
`state.json` records what decides the vectors; a folder made with other settings is refused, never mixed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.core.chunks import chunks
from lsr.core.documents import Document
from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.remedies import RESTART
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.sparse.encoder import SparseEncoder

# What an interruption can lose: half a minute of work or less for a small model on two cores, and few enough documents
# that a shard's texts and vectors stay in the tens of megabytes. Long documents fill a shard sooner.
SHARD_DOCUMENTS = 1024
SHARD_CHARACTERS = 1 << 25

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("fields", pa.string()),
        ("indices", pa.list_(pa.uint32())),
        ("values", pa.list_(pa.float32())),
    ]
)
_DOCUMENT_COLUMNS = ["id", "title", "text", "fields"]


class EncodedShards:
    """The work folder of one encoding run.

    Args:
        folder: made if absent, taken up again if it was made with the same `settings`.
        settings: everything that decides the vectors (JSON values).
        restart: throw away what an earlier run left.

    Raises OutputExistsError if another process is at work in it, or if it was made with other settings.
    """

    def __init__(self, folder: str | Path, settings: dict[str, Any], *, restart: bool = False) -> None:
        self.folder = Path(folder)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, not in it, so that the folder can be removed while the lock is held.
        self._lock = filelock.FileLock(self.folder.with_name(self.folder.name + ".lock"), timeout=0)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise OutputExistsError(f"another process is encoding into {self.folder}; wait for it to end") from None
        try:
            self._open(json.loads(json.dumps(settings)), restart)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, settings: dict[str, Any], restart: bool) -> None:
        self.folder.mkdir(exist_ok=True)
        state = self.folder / "state.json"
        if restart:
            for path in self.folder.iterdir():
                path.unlink()
        if state.exists():
            earlier = json.loads(state.read_text())
            if earlier != settings:
                keys = [key for key in sorted({*earlier, *settings}) if earlier.get(key) != settings.get(key)]
                changes = ", ".join(f"{key} was {earlier.get(key)!r}, is {settings.get(key)!r}" for key in keys)
                raise OutputExistsError(
                    f"{self.folder} holds an interrupted encoding with other settings ({changes})",
                    remedies=["use those settings to go on", RESTART],
                )
        else:
            with atomic_file(state) as temporary:
                temporary.write_text(json.dumps(settings, indent=2))

    @property
    def paths(self) -> list[Path]:
        """Finished shards, in corpus order."""
        return sorted(self.folder.glob("*.parquet"))

    @property
    def documents(self) -> int:
        """Documents in finished shards."""
        return sum(pq.read_metadata(path).num_rows for path in self.paths)

    def encode(
        self,
        corpus: Iterable[Document],
        encoder: SparseEncoder,
        *,
        top_k: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Encode what is not encoded yet, a shard at a time.

        `corpus` is read from its start; the documents that earlier shards hold are compared with it, not encoded again.
        Raises InputError if the corpus is not the one that the earlier shards came from.
        """
        stream = iter(corpus)
        for path in self.paths:
            self._skip(path, stream)
            if progress:
                progress(pq.read_metadata(path).num_rows)
        number = len(self.paths)
        for documents in chunks(stream, SHARD_DOCUMENTS, SHARD_CHARACTERS, lambda document: len(document.contents)):
            vectors = encoder.encode_documents(
                [document.contents for document in documents],
                [document.id for document in documents],
                top_k=top_k,
                progress=progress,
            )
            with atomic_file(self.folder / f"{number:06d}.parquet") as temporary:
                pq.write_table(_to_table(documents, vectors), temporary, compression="zstd")
            number += 1

    def _skip(self, path: Path, stream: Iterator[Document]) -> None:
        for row in pq.read_table(path, columns=_DOCUMENT_COLUMNS).to_pylist():
            earlier = _to_document(row)
            document = next(stream, None)
            if document is None or _to_row(document) != _to_row(earlier):
                found = "has ended" if document is None else f"has document {document.id!r}"
                raise InputError(
                    f"the corpus changed since this encoding was interrupted: where it had document {earlier.id!r} "
                    f"it now {found}, or that document's text differs",
                    source=str(self.folder),
                    remedies=[RESTART],
                )

    def read(self, dim: int) -> Iterator[tuple[SparseVectors, list[Document]]]:
        """Vectors and documents, a shard at a time."""
        for path in self.paths:
            table = pq.read_table(path)
            indices = table["indices"].combine_chunks()
            vectors = SparseVectors(
                np.asarray(indices.offsets),
                indices.values.to_numpy(),
                table["values"].combine_chunks().values.to_numpy(),
                table["id"].to_pylist(),
                dim,
            )
            yield vectors, [_to_document(row) for row in table.select(_DOCUMENT_COLUMNS).to_pylist()]

    def close(self, *, remove: bool = False) -> None:
        """Release the folder for others; `remove` deletes it, once its content lives elsewhere."""
        if remove:
            shutil.rmtree(self.folder)
        # Unlinked while it is held: afterwards, it could be the lock that another process has just taken.
        Path(self._lock.lock_file).unlink(missing_ok=True)
        self._lock.release()


def _to_document(row: dict[str, str]) -> Document:
    return Document(row["id"], row["text"], row["title"], json.loads(row["fields"]))


def _to_row(document: Document) -> tuple[str, str, str, str]:
    return document.id, document.title, document.text, json.dumps(document.fields, ensure_ascii=False)


def _to_table(documents: list[Document], vectors: SparseVectors) -> pa.Table:
    columns = list(zip(*map(_to_row, documents), strict=True))
    offsets = pa.array(vectors.indptr.astype(np.int32))
    return pa.table(
        [
            *map(list, columns),
            pa.ListArray.from_arrays(offsets, pa.array(vectors.indices)),
            pa.ListArray.from_arrays(offsets, pa.array(vectors.weights)),
        ],
        schema=_SCHEMA,
    )
