"""Publishing shards as one collection, in one rename of a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from lsr.core.errors import IndexFormatError
from lsr.core.files import naming, sync
from lsr.core.remedies import BUILD_AGAIN
from lsr.index.format.manifest import MANIFEST_NAME, Manifest
from lsr.index.format.output import lock_folder, remove_segments, remove_shards
from lsr.index.format.shards import ShardRecord, Shards
from lsr.index.live.versions import remove_collection


@dataclass(frozen=True, slots=True)
class ShardedFacts:
    """What is said of a collection of shards, and holds for each.

    Attributes:
        encoder: the encoder's own description, as JSON values, or None.
        weight_scale: a stored 1 (of 255) stands for this weight, in every shard.
        outliers: of all weights, as in `lsr.index.format.manifest.Manifest`.
        fingerprint: of what all of it was made of, 32 hexadecimal digits.
        created: when, UTC, ISO 8601.
        version: what the folders of the shards are named by, 8 hexadecimal digits: another for each build.
    """

    encoder: dict[str, Any] | None
    weight_scale: float
    outliers: dict[str, Any] | None
    fingerprint: str
    created: str
    version: str

    def folder_of(self, shard: int) -> str:
        """The name of a shard's folder."""
        return f"shard-{shard:04d}-{self.version}"

    def segment_of(self, shard: int) -> str:
        """The name of its segment: the same wherever, and whenever, it is built of the same."""
        return f"segment-{blake2b(f'{self.fingerprint} {shard}'.encode(), digest_size=8).hexdigest()}"


def built_shard(folder: Path) -> ShardRecord | None:
    """The record of the shard in a folder, if it is there as a whole."""
    if not (folder / MANIFEST_NAME).exists():
        return None
    (segment,) = Manifest.read(folder).segments
    return ShardRecord(folder.name, segment.name, segment.documents)


def publish_shards(path: Path, built: Path, records: Sequence[ShardRecord | None], facts: ShardedFacts) -> None:
    """Make the shards in the folder `built` the collection at `path`, which others see as it was, or as it will be.

    They are moved, on the same file system; what an interrupted call has moved is not needed any more. What was there
    before, of shards or one index, is removed afterwards.

    OutputExistsError while another process publishes there; IndexFormatError if a shard is in neither place.
    """
    path.mkdir(parents=True, exist_ok=True)
    with naming(path):
        lock = lock_folder(path)
        try:
            for record in records:
                if record is None or built_shard(path / record.name) is not None:
                    continue
                if built_shard(built / record.name) is None:
                    raise IndexFormatError(f"{built / record.name}: missing, or not whole", remedies=[BUILD_AGAIN])
                (built / record.name).rename(path / record.name)
            sync(path)
            Manifest(
                segments=(),
                weight_scale=facts.weight_scale,
                encoder=facts.encoder,
                outliers=facts.outliers,
                shards=Shards(tuple(records), facts.fingerprint),
                created=facts.created,
            ).write(path)
            # Until now, whoever opened it found the one index that this takes the place of.
            (path / MANIFEST_NAME).unlink(missing_ok=True)
            remove_segments(path, keep=())
            remove_collection(path)
            remove_shards(path, keep={record.name for record in records if record is not None})
        finally:
            os.close(lock)
