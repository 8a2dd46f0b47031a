"""The steps as Ray Data takes them: a source of pieces, actors that encode, tasks that measure, a sink of shards.

Imports Ray; only what is connected to it imports this.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from ray.data import Datasource
from ray.data.block import Block, BlockAccessor, BlockMetadata
from ray.data.datasource import Datasink, ReadTask

from lsr.build.distribute.sources import LoadEncoder, ReadCorpus
from lsr.build.sharded.job import ShardJob
from lsr.build.sharded.pieces import Piece, encode_piece, facts_of, piece_path, unfinished
from lsr.build.sharded.shard import ShardSource, build_shard, count_outliers, count_weights
from lsr.core.files import atomic_file
from lsr.index.format.shards import ShardRecord
from lsr.index.sharded.publish import ShardedFacts
from lsr.text.reports import SkipReport

READ = "read.json"
"""In the work folder, once all is read: how many pieces there are, and what reading left out, in words."""


class PieceSource(Datasource):
    """The pieces of a corpus from one on, read in order, as they are needed: a row each.

    If its machine dies, Ray has another read from the start, and goes on behind the rows that it has had: they must be
    the same ones, whatever has been encoded meanwhile.
    """

    def __init__(self, job: ShardJob, read: ReadCorpus, done: int) -> None:
        super().__init__()
        self._job, self._read, self._done = job, read, done

    def get_name(self) -> str:
        """As Ray shows it."""
        return "Corpus"

    def estimate_inmemory_data_size(self) -> int | None:
        """Not known."""
        return None

    def get_read_tasks(self, parallelism: int, *given: Any, **options: Any) -> list[ReadTask]:
        """One: what a document's id is checked against is all that came before it."""
        metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(self._pieces, metadata)]

    def _pieces(self) -> Iterator[Block]:
        skipped, job, pieces = SkipReport(), self._job, self._done
        for piece in unfinished(job.rows(self._read(skipped)), job.folder, done=self._done):
            pieces = piece.number + 1
            yield pa.table(
                {
                    "number": pa.array([piece.number], pa.int64()),
                    "documents": pa.array([piece.documents], pa.large_binary()),
                    "digest": pa.array([piece.digest]),
                }
            )
        with atomic_file(job.folder / READ, force=True) as temporary:
            temporary.write_text(json.dumps({"pieces": pieces, "skipped": skipped.lines()}), encoding="utf-8")


class EncodePieces:
    """An actor that encodes pieces, and says how many rows each had."""

    def __init__(self, job: ShardJob, load: LoadEncoder) -> None:
        self._job, self._encoder = job, load()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        columns = (batch["number"], batch["documents"], batch["digest"])
        pieces = [Piece(int(number), bytes(data), str(digest)) for number, data, digest in zip(*columns, strict=True)]
        return {"rows": np.array([self._encoded(piece) for piece in pieces], np.int64)}

    def _encoded(self, piece: Piece) -> int:
        path = piece_path(self._job.folder, piece.number)
        if path.exists() and (facts := facts_of(path)).digest == piece.digest:
            return facts.rows  # by an actor that died before it could say so
        return encode_piece(piece, self._job.folder, self._encoder, self._job.how)


def counted_weights(row: dict[str, Any], source: ShardSource) -> dict[str, Any]:
    """A task that counts the weights of a shard."""
    return {"found": pickle.dumps(count_weights(source, int(row["shard"])))}


def counted_outliers(row: dict[str, Any], source: ShardSource, far: float) -> dict[str, Any]:
    """A task that counts the outliers of a shard."""
    return {"found": pickle.dumps(count_outliers(source, int(row["shard"]), far))}


class ShardSink(Datasink[list[ShardRecord]]):
    """Builds a shard for each row that it is given, and publishes them once all are built."""

    def __init__(
        self,
        job: ShardJob,
        source: ShardSource,
        published: ShardedFacts,
        load: LoadEncoder,
        dense: LoadEncoder | None,
        threads: int,
    ) -> None:
        self._job, self._source, self._published = job, source, published
        self._load, self._dense, self._threads = load, dense, threads

    def get_name(self) -> str:
        """As Ray shows it."""
        return "Shards"

    def write(self, blocks: Iterable[Block], ctx: Any) -> list[ShardRecord]:
        """Build them, where they are not built already."""
        made: list[ShardRecord] = []
        into: Path = self._job.built
        for block in blocks:
            for shard in BlockAccessor.for_block(block).to_arrow()["shard"].to_pylist():
                how: dict[str, Any] = {"dense": self._dense, "threads": self._threads}
                made.append(build_shard(self._source, shard, into, self._published, self._load(), **how))
        return made

    def on_write_complete(self, write_result: Any) -> None:
        """Publish all of them: until here, nobody sees any."""
        self._job.publish([record for made in write_result.write_returns for record in made], self._published)
