"""The pieces that a corpus is encoded in: some documents each, whose vectors lie in one file, shard by shard.

A piece is what is encoded at once, whoever does, so its vectors do not depend on how many do. Its file (Parquet) has a
row group for each shard that some of its documents belong to, so that who builds a shard reads no other's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lsr.build.shards import SHARD_CHARACTERS, SHARD_DOCUMENTS, to_row, to_table
from lsr.core.chunks import chunks
from lsr.core.documents import Document
from lsr.core.errors import InputError, OutputExistsError
from lsr.core.files import atomic_file
from lsr.core.remedies import RESTART
from lsr.core.schema import SchemaObserver
from lsr.encoding.lexical.analysis import Analyser
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.titles import encode_titled
from lsr.index.format.shards import shard_of
from lsr.text.windows import is_first, split_window_id
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.sparse.encoder import SparseEncoder

_FACTS = b"lsr"
_WORDS = [pa.field("words", pa.list_(pa.string())), pa.field("title_words", pa.int32())]


@dataclass(frozen=True, slots=True)
class PieceSettings:
    """How pieces are encoded.

    Attributes:
        shards: how many there are.
        windows: whether rows are windows of documents.
        lexical, top_k, title_weight: as for `lsr.build.corpus.index_corpus`.
    """

    shards: int
    windows: bool
    lexical: LexicalSettings | None = None
    top_k: int | None = None
    title_weight: float = 0.0

    def shard_of(self, id: str) -> int:
        """The shard of a row of this id: all windows of a document are in one."""
        return shard_of(split_window_id(id)[0] if self.windows else id, self.shards)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some documents that follow one another in the corpus.

    Attributes:
        number: of the piece, from 0.
        documents: as JSON, as they go from process to process; digest: of what they are.
    """

    number: int
    documents: bytes
    digest: str

    @classmethod
    def of(cls, number: int, documents: list[Document]) -> Piece:
        """Make one."""
        rows = [to_row(document) for document in documents]
        return cls(number, json.dumps(rows, ensure_ascii=False).encode(), digest_of(map(_digest, rows)))

    def read(self) -> list[Document]:
        """The documents."""
        return [Document(id, text, title, json.loads(fields)) for id, title, text, fields in json.loads(self.documents)]


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What a piece adds to what is known of all.

    Attributes:
        rows: how many it has; shards: how many of them are in each shard that there are some of.
        digest: as in `Piece`.
        length, in_titles: words in all, and in the titles where these count more.
        first_alone: whether no row is a further window of a document.
        schema: what `SchemaObserver.to_record` says of its fields.
    """

    rows: int
    shards: dict[str, int]
    digest: str
    length: int
    in_titles: int
    first_alone: bool
    schema: dict[str, Any]


def _digest(row: tuple[str, ...]) -> int:
    whole = blake2b(digest_size=16)
    for part in row:
        data = part.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return int.from_bytes(whole.digest(), "big")


def digest_of(digests: Iterable[int]) -> str:
    """One digest of many, whatever their order."""
    return f"{sum(digests) % (1 << 128):032x}"


def pieces_of(corpus: Iterable[Document], first: int = 0) -> Iterator[Piece]:
    """The pieces of a corpus, in its order."""
    parts = chunks(corpus, SHARD_DOCUMENTS, SHARD_CHARACTERS, attrgetter("size"))
    for number, documents in enumerate(parts, first):
        yield Piece.of(number, documents)


def piece_path(folder: Path, number: int) -> Path:
    """Where a piece's vectors are."""
    return folder / f"{number:06d}.parquet"


def unfinished(
    corpus: Iterable[Document],
    folder: Path,
    skipped: Callable[[int], None] = lambda rows: None,
    *,
    done: int | None = None,
) -> Iterator[Piece]:
    """The pieces that are not encoded yet. `skipped` is called with the rows of those that are.

    With `done`, they are all but the first so many, whatever has been encoded meanwhile: the same each time.

    InputError if one that is was made of other documents.
    """
    for piece in pieces_of(corpus):
        path = piece_path(folder, piece.number)
        if not path.exists() if done is None else piece.number >= done:
            yield piece
            continue
        facts = facts_of(path)
        if facts.digest != piece.digest:
            raise InputError(
                "the corpus changed since this encoding was interrupted", source=str(folder), remedies=[RESTART]
            )
        skipped(facts.rows)


def encode_piece(piece: Piece, folder: Path, encoder: SparseEncoder | WordsAlone, settings: PieceSettings) -> int:
    """Write the vectors of a piece, as a whole or not at all; return the number of its rows."""
    path, documents = piece_path(folder, piece.number), piece.read()
    vectors = encode_titled(encoder, documents, settings.title_weight, top_k=settings.top_k)
    table = to_table(documents, vectors)
    words, in_titles = _words(documents, settings)
    columns = [pa.array(words, _WORDS[0].type), pa.array(in_titles, _WORDS[1].type)]
    for field, column in zip(_WORDS, columns, strict=True):
        table = table.append_column(field, column)
    owners = np.array([settings.shard_of(document.id) for document in documents], np.int64)
    shards, counts = np.unique(owners, return_counts=True)
    observer = SchemaObserver()
    for document in documents:
        if not settings.windows:
            observer.add(document.fields)
        elif is_first(document.id):
            observer.add(document.fields.get("fields") or {})
    facts = {
        "rows": len(documents),
        "shards": {str(shard): count for shard, count in zip(shards.tolist(), counts.tolist(), strict=True)},
        "digest": piece.digest,
        "length": sum(map(len, words)),
        "in_titles": sum(in_titles),
        "first_alone": settings.windows and all(is_first(document.id) for document in documents),
        "schema": observer.to_record(),
    }
    with (
        atomic_file(path, force=True) as temporary,
        pq.ParquetWriter(temporary.absolute(), table.schema, compression="zstd") as file,
    ):
        for shard, count in zip(shards.tolist(), counts.tolist(), strict=True):
            file.write_table(table.take(np.flatnonzero(owners == shard)), row_group_size=count)
        file.add_key_value_metadata({_FACTS: json.dumps(facts).encode()})
    return len(documents)


def _words(documents: list[Document], settings: PieceSettings) -> tuple[list[list[str]], list[int]]:
    """The words of each document, and how many of them are its title's, where these count more."""
    if settings.lexical is None:
        return [[] for _ in documents], [0] * len(documents)
    analyser = Analyser.of(settings.lexical)
    words = [list(analyser.words(document.contents)) for document in documents]
    titles = [len(analyser.words(document.title)) if settings.title_weight else 0 for document in documents]
    return words, titles


def facts_of(path: Path) -> PieceFacts:
    """What the file of a piece says of itself. OutputExistsError for one that is damaged."""
    try:
        return PieceFacts(**json.loads(pq.read_metadata(path.absolute()).metadata[_FACTS]))
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from None


@dataclass(frozen=True, slots=True)
class ShardRows:
    """The rows of one shard that a piece holds: vectors, documents, and the words of each with those of its title."""

    vectors: SparseVectors
    documents: list[Document]
    words: list[list[str]]
    in_titles: list[int]


def read_shard(path: Path, shard: int, dim: int, *, texts: bool = True) -> ShardRows | None:
    """The rows of a shard that a piece holds; None if there are none. Without `texts`, documents are left empty."""
    facts = facts_of(path)
    if str(shard) not in facts.shards:
        return None
    columns = ["id", "title", "text", "fields"] if texts else ["id"]
    try:
        group = sorted(map(int, facts.shards)).index(shard)
        with pq.ParquetFile(path.absolute()) as file:
            table = file.read_row_group(group, [*columns, "indices", "values", "words", "title_words"])
    except pa.ArrowException as error:
        raise _damaged(path, error) from None
    documents = []
    if texts:
        rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
        documents = [Document(id, text, title, json.loads(fields)) for id, title, text, fields in rows]
    indices = table["indices"].combine_chunks()
    vectors = SparseVectors(
        np.asarray(indices.offsets).astype(np.int64),
        indices.values.to_numpy(),
        table["values"].combine_chunks().values.to_numpy(),
        table["id"].to_pylist(),
        dim,
    )
    return ShardRows(vectors, documents, table["words"].to_pylist(), table["title_words"].to_pylist())


def _damaged(path: Path, error: Exception) -> OutputExistsError:
    return OutputExistsError(
        f"{path} is damaged, so that the work in its folder cannot go on ({error})", remedies=[RESTART]
    )
