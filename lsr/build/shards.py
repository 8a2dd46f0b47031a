"""Resumable encoding: a corpus becomes a folder of shards, each written whole, so that an interrupted run can resume.

A shard has some documents with their vectors (Parquet: `id`, `title`, `text`, `fields` as JSON, `indices`, `values`).
A folder made with other settings is refused, never mixed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.core.chunks import chunks
from lsr.core.documents import Document
from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.remedies import RESTART
from lsr.core.work import WorkFolder
from lsr.encoding.shared.spread import worked
from lsr.encoding.titles import encode_titled
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder

# What an interruption can lose: half a minute of work or less for a small model on two cores, and few enough documents
# that a shard's texts and vectors stay in the tens of megabytes. Long documents, or long fields, fill a shard sooner.
SHARD_DOCUMENTS = 1024
SHARD_CHARACTERS = 1 << 25

_SHARD = re.compile(r"\d{6}\.parquet")
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


class EncodedShards(WorkFolder):
    """The work folder of one encoding run, with the shards that are finished.

    Attributes:
        restore: makes of a document as it was encoded the one that is read again.
    """

    restore: Callable[[Document], Document] = staticmethod(lambda document: document)

    @property
    def paths(self) -> list[Path]:
        """Finished shards, in corpus order. OutputExistsError if one between them is missing."""
        found = sorted(path for path in self.folder.iterdir() if _SHARD.fullmatch(path.name))
        for number, path in enumerate(found):
            if int(path.stem) != number:
                raise OutputExistsError(
                    f"{self.folder}: {number:06d}.parquet is missing, so that the work cannot go on", remedies=[RESTART]
                )
        return found

    @property
    def documents(self) -> int:
        """Documents in finished shards."""
        return sum(map(_rows, self.paths))

    def encode(
        self,
        corpus: Iterable[Document],
        encoder: SparseEncoder | WordsAlone,
        *,
        top_k: int | None = None,
        title_weight: float = 0.0,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Encode what is not encoded yet, shard by shard.

        `corpus` is read from its start; documents in earlier shards are compared with it, not encoded again. Raises
        InputError if the corpus is not the one that the earlier shards came from.
        """
        stream = iter(corpus)
        for path in self.paths:
            self._skip(path, stream)
            if progress:
                progress(_rows(path))
        parts = chunks(stream, SHARD_DOCUMENTS, SHARD_CHARACTERS, attrgetter("size"))
        work = partial(_encoded, weight=title_weight, top_k=top_k)
        for number, (documents, vectors) in enumerate(worked(encoder, work, parts, progress), len(self.paths)):
            with atomic_file(self.folder / f"{number:06d}.parquet") as temporary:
                pq.write_table(to_table(documents, vectors), temporary.absolute(), compression="zstd")
                # Before the shard is there: what is stopped right after keeps it.
                self.begun = True

    def _skip(self, path: Path, stream: Iterator[Document]) -> None:
        for row in _table(path, _DOCUMENT_COLUMNS).to_pylist():
            earlier = _to_document(row)
            document = next(stream, None)
            if document is None or to_row(document) != to_row(earlier):
                found = "has ended" if document is None else f"has document {document.id!r}"
                raise InputError(
                    f"the corpus changed since this encoding was interrupted: where it had document {earlier.id!r} "
                    f"it now {found}, or that document's text differs",
                    source=str(self.folder),
                    remedies=[RESTART],
                )

    def read_documents(self) -> Iterator[list[Document]]:
        """The documents alone, shard by shard."""
        for path in self.paths:
            yield [self.restore(_to_document(row)) for row in _table(path, _DOCUMENT_COLUMNS).to_pylist()]

    def ids(self) -> Iterator[str]:
        """The ids of the documents as they were encoded."""
        for path in self.paths:
            yield from _table(path, ["id"])["id"].to_pylist()

    def read(self, dim: int) -> Iterator[tuple[SparseVectors, list[Document]]]:
        """Vectors and documents, shard by shard."""
        for path in self.paths:
            table = _table(path)
            documents = [self.restore(_to_document(row)) for row in table.select(_DOCUMENT_COLUMNS).to_pylist()]
            indices = table["indices"].combine_chunks()
            vectors = SparseVectors(
                np.asarray(indices.offsets),
                indices.values.to_numpy(),
                table["values"].combine_chunks().values.to_numpy(),
                [document.id for document in documents],
                dim,
            )
            yield vectors, documents


def _encoded(
    encoder: SparseEncoder | WordsAlone,
    documents: list[Document],
    /,
    progress: Callable[[int], None] | None = None,
    *,
    weight: float,
    top_k: int | None,
) -> SparseVectors:
    return encode_titled(encoder, documents, weight, top_k=top_k, progress=progress)


# Absolute, so that pyarrow takes no path for a URI.


def _rows(path: Path) -> int:
    with _readable(path):
        return int(pq.read_metadata(path.absolute()).num_rows)


def _table(path: Path, columns: list[str] | None = None) -> pa.Table:
    with _readable(path):
        table = pq.read_table(path.absolute(), columns=columns)
        if columns is None and not table.schema.equals(_SCHEMA):
            raise pa.ArrowInvalid("it has other columns")
        table.validate(full=True)
        return table


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """OutputExistsError for a shard that cannot be read."""
    try:
        yield
    except (pa.ArrowException, KeyError) as error:
        raise OutputExistsError(
            f"{path} is damaged, so that the work in its folder cannot go on ({error})", remedies=[RESTART]
        ) from None


def _to_document(row: dict[str, str]) -> Document:
    return Document(row["id"], row["text"], row["title"], json.loads(row["fields"]))


def to_row(document: Document) -> tuple[str, str, str, str]:
    """Id, title, text and fields as JSON."""
    return document.id, document.title, document.text, json.dumps(document.fields, ensure_ascii=False)


def to_table(documents: list[Document], vectors: SparseVectors) -> pa.Table:
    """Documents and their vectors, as they are stored."""
    columns = list(zip(*map(to_row, documents), strict=True))
    offsets = pa.array(vectors.indptr.astype(np.int32))
    return pa.table(
        [
            *map(list, columns),
            pa.ListArray.from_arrays(offsets, pa.array(vectors.indices)),
            pa.ListArray.from_arrays(offsets, pa.array(vectors.weights)),
        ],
        schema=_SCHEMA,
    )
