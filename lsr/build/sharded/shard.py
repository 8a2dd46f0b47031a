"""One shard: its weights, and its index."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lsr.build.corpus import count_tokens
from lsr.build.dense import add_dense_vectors
from lsr.build.sharded.facts import GlobalFacts
from lsr.build.sharded.pieces import PieceSettings, ShardRows, piece_path, read_shard
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.words import CollectionWords, WordCounter
from lsr.index.build.quantise import Outliers, WeightCounts
from lsr.index.format.shards import ShardRecord
from lsr.index.sharded.publish import ShardedFacts, built_shard
from lsr.text.windows import whole_document
from lsr.vectors.sparse import SparseVectors

if TYPE_CHECKING:
    from lsr.encoding.dense.encoder import DenseEncoder
    from lsr.encoding.sparse.encoder import SparseEncoder

# What no text holds, for a shard of words alone in which no document holds any: an index has a term at least.
_NO_WORD = " "


@dataclass(frozen=True, slots=True)
class ShardSource:
    """Where the rows of shards are read from.

    Attributes:
        folder: of the pieces.
        dim: the model's terms.
        how: they were encoded.
        facts: about all.
    """

    folder: Path
    dim: int
    how: PieceSettings
    facts: GlobalFacts

    def rows(self, shard: int, *, texts: bool) -> Iterator[ShardRows]:
        """The rows of a shard, piece by piece, in the order of the corpus."""
        for number in range(self.facts.pieces):
            found = read_shard(piece_path(self.folder, number), shard, self.dim, texts=texts)
            if found is not None:
                yield found

    @contextmanager
    def words(self, shard: int) -> Iterator[CollectionWords | None]:
        """The words of a shard's rows, weighed as those of all; None if words do not count."""
        if self.how.lexical is None:
            yield None
            return
        weigh = {"mean_length": self.facts.mean_length, "title_weight": self.how.title_weight}
        with WordCounter(self.how.lexical, self.folder, **weigh) as counter:
            for rows in self.rows(shard, texts=False):
                counter.add_words(rows.words, rows.in_titles)
            yield counter.finish()

    def vectors(self, shard: int, words: CollectionWords | None) -> Iterator[SparseVectors]:
        """The vectors of a shard's rows, with their words."""
        first = 0
        for rows in self.rows(shard, texts=False):
            yield rows.vectors if words is None else words.beside(rows.vectors, first)
            first += len(rows.vectors)


def count_weights(source: ShardSource, shard: int) -> WeightCounts:
    """How often weights of about each size occur in a shard."""
    counts = WeightCounts()
    with source.words(shard) as words:
        for vectors in source.vectors(shard, words):
            counts.add(vectors.weights)
    return counts


def count_outliers(source: ShardSource, shard: int, far: float) -> Outliers:
    """How many of a shard's weights are beyond `far`."""
    outliers = Outliers()
    with source.words(shard) as words:
        for vectors in source.vectors(shard, words):
            outliers.add(vectors.weights, far)
    return outliers


def build_shard(
    source: ShardSource,
    shard: int,
    into: Path,
    published: ShardedFacts,
    encoder: SparseEncoder | WordsAlone,
    *,
    dense: Callable[[], DenseEncoder] | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> ShardRecord:
    """Build the index of a shard in the folder `into`, unless it is there; return its record.

    `encoder` is needed for its vocabulary, and for the tokens of texts. `dense` gives the encoder of dense vectors, if
    documents are to have such. InputError names an id that occurs twice.
    """
    from lsr.index import Index

    folder = into / published.folder_of(shard)
    found = built_shard(folder)
    if found is None:
        found = _built(source, shard, folder, published, encoder, threads, progress)
    elif progress is not None:
        progress(found.documents)
    if dense is not None and "dense" not in (index := Index.open(folder)).parts:
        add_dense_vectors(index, dense(), threads=threads)
    return found


def _built(
    source: ShardSource,
    shard: int,
    folder: Path,
    published: ShardedFacts,
    encoder: SparseEncoder | WordsAlone,
    threads: int | None,
    progress: Callable[[int], None] | None,
) -> ShardRecord:
    from lsr.index import IndexBuilder

    facts = source.facts
    if folder.exists():
        shutil.rmtree(folder)  # of a builder that was killed
    with source.words(shard) as words:
        named = None if words is None else words.words or (None if encoder.dim else [_NO_WORD])
        with IndexBuilder(
            folder,
            dim=encoder.dim + len(named or ()),
            vocabulary=encoder.vocabulary,
            words=named,
            encoder=published.encoder,
            settings=facts.settings,
            windows=facts.windows,
            by_id=True,
            weight_scale=published.weight_scale,
            schema=facts.schema,
            segment=published.segment_of(shard),
            created=published.created,
        ) as builder:
            for rows in source.rows(shard, texts=True):
                vectors = rows.vectors if words is None else words.beside(rows.vectors, len(builder))
                documents = list(map(whole_document, rows.documents)) if facts.whole else rows.documents
                ids = [document.id for document in documents]
                parts = vectors.indptr, vectors.indices, vectors.weights
                builder.add(SparseVectors(*parts, ids, builder.dim, validate=False), documents)
                if not isinstance(encoder, WordsAlone) and encoder.inference_free:
                    count_tokens(builder, encoder, documents)
            builder.finish(progress=progress, threads=threads)
    made = built_shard(folder)
    assert made is not None
    return made
