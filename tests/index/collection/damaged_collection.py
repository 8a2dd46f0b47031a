"""A collection of several segments and a log of two files, what it holds, and damage of every kind to its files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from collection_oracle import create, made_put, opened

from lsr.index.collection.policy import LivePolicy
from lsr.index.format.manifest import Manifest
from lsr.index.format.settings import BmpSettings, IndexSettings, SeismicSettings
from lsr.index.live.writes import Delete, Put, Write

# Nothing is merged by itself.
APART = LivePolicy(memory_documents=100_000, together=100, most_deleted=1.0)
SETTINGS = IndexSettings(weight_bits=8, seismic=SeismicSettings(), bmp=BmpSettings(block_size=4))


def flip(path: Path) -> None:
    """Another bit in the middle of the file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def truncate(path: Path) -> None:
    """A file that ends after two thirds."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


DAMAGE: dict[str, Callable[[Path], None]] = {"flip": flip, "truncate": truncate, "remove": Path.unlink}


def made(path: Path, **options: object) -> dict[str, Put]:
    """Make the collection; return what lives in it, by id."""
    random = np.random.default_rng(5)
    create(path, settings=SETTINGS, **options)
    truth: dict[str, Put] = {}

    def apply(*writes: Write) -> None:
        writer.apply(writes)
        for write in writes:
            if isinstance(write, Put):
                truth[write.id] = write
            else:
                truth.pop(write.id, None)

    with opened(path, APART) as writer:
        for segment in range(3):
            apply(*(made_put(random, f"s{segment}-{number}", 0) for number in range(12)))
            if segment < 2:
                writer.flush()
            # Deleted and replaced in earlier segments by what the next flush publishes.
            apply(Delete(f"s{segment}-3"), made_put(random, f"s{segment}-5", 1))
        writer.flush()
        apply(made_put(random, "log-0", 2), made_put(random, "s0-7", 2))
        apply(Delete("s1-8"))
        writer._log.rotate()
        apply(made_put(random, "log-1", 2), made_put(random, "s2-2", 2))
        apply(Delete("s0-1"), Delete("log-0"))
        apply(made_put(random, "log-2", 2))
    return truth


def copied(source: Path, target: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(source, target)
    return target


def segment_files(path: Path, number: int) -> Iterator[str]:
    """The files of a segment, from the collection's folder on."""
    record = Manifest.read(path).segments[number]
    yield from (f"{record.name}/{file}" for file in record.files)
    for part in record.parts.values():
        yield from (f"{record.name}/{part.folder}/{file}" for file in part.files)
