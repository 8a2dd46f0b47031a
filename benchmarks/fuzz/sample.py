"""A small index with every part, as what the targets of index files damage."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsr.core.documents import Document
from lsr.core.files import crc32
from lsr.core.vocabulary import Vocabulary
from lsr.index import (
    BmpSettings,
    DenseSettings,
    Index,
    IndexBuilder,
    IndexSettings,
    LateWriter,
    SeismicSettings,
    add_dense,
)
from lsr.index.fusion.tuning import stored_tuning
from lsr.index.parts.adding import PartWriter
from lsr.index.parts.registry import PARTS
from lsr.vectors.sparse import SparseVectors

DOCUMENTS, TERMS, NUMBERS = 600, 60, 8


@dataclass(frozen=True, slots=True)
class Sample:
    """An index on disk, and what its files hold when they are sound.

    Attributes:
        path: of the index; segment: of its segment's folder.
        manifest: the bytes of its manifest; record: the values.
        files: the bytes of every other file, by its path in the index.
    """

    path: Path
    segment: Path
    manifest: bytes
    record: dict[str, Any]
    files: dict[str, bytes]

    def write_manifest(self, record: dict[str, Any]) -> None:
        """Write these values, with a checksum that fits."""
        record = {name: value for name, value in record.items() if name != "crc32"}
        record["crc32"] = zlib.crc32(json.dumps(json.loads(json.dumps(record)), sort_keys=True).encode())
        (self.path / "manifest.json").write_text(json.dumps(record))

    @contextmanager
    def damaged(self, file: str, data: bytes) -> Iterator[None]:
        """Put other bytes into a file, with fitting size and checksum in the manifest; afterwards, the old ones."""
        path = self.path / file
        path.write_bytes(data)
        record = json.loads(self.manifest)
        folder = path.parent.name
        files = record["files"] if path.parent == self.segment else record["parts"][folder.split("-")[0]]["files"]
        files[path.name] = {"bytes": len(data), "crc32": crc32(path)}
        self.write_manifest(record)
        try:
            yield
        finally:
            path.write_bytes(self.files[file])
            (self.path / "manifest.json").write_bytes(self.manifest)


def make_sample(folder: Path, kind: str = "hnsw", bits: int = 8) -> Sample:
    """Build it in an empty folder."""
    random = np.random.default_rng(0)
    rows = []
    for _ in range(DOCUMENTS):
        terms = np.sort(random.choice(TERMS, 6, replace=False))
        rows.append((terms, random.gamma(2, 0.5, 6).astype(np.float32) + 0.1))
    vectors = SparseVectors.from_rows(rows, [f"d{row}" for row in range(DOCUMENTS)], TERMS)
    documents = [Document(f"d{row}", f"text {row} é", f"title {row}", {"n": row}) for row in range(DOCUMENTS)]
    settings = IndexSettings(block_size=3, seismic=SeismicSettings(), bmp=BmpSettings(block_size=8))
    path = folder / "index"
    with IndexBuilder(
        path, dim=TERMS, vocabulary=Vocabulary(f"term{term}" for term in range(TERMS)), settings=settings
    ) as builder:
        builder.add(vectors, documents)
        index = builder.finish(threads=1)
    dense = random.standard_normal((DOCUMENTS, NUMBERS)).astype(np.float32)
    index = add_dense(index, [dense], settings=DenseSettings(kind=kind), threads=1)
    with PartWriter(path, index.manifest.segment, "late") as part:
        with LateWriter(part.folder, NUMBERS, bits) as writer:
            tokens = random.standard_normal((3 * DOCUMENTS, NUMBERS)).astype(np.float32)
            writer.append(np.arange(DOCUMENTS + 1, dtype=np.int64) * 3, tokens)
            record = writer.finish({"model": "made"})
        part.publish(record.to_record())
    manifest = (path / "manifest.json").read_bytes()
    files = {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != "manifest.json"
    }
    return Sample(path, path / index.manifest.segment, manifest, json.loads(manifest), files)


def use(path: Path, random: np.random.Generator) -> None:
    """Open the index and ask everything of it that reads its files, a little of each."""
    index = Index.open(path)
    terms = np.sort(random.choice(TERMS, 5, replace=False))
    weights = random.gamma(2, 0.5, 5).astype(np.float32) + 0.1
    for mode in index.sparse.modes:
        hits = index.search(terms, weights, 10, mode=mode)
        assert len(index.documents.ids(hits.rows)) == len(hits)
    allowed = random.random(len(index)) < 0.5
    index.search(terms, weights, 10, allow=allowed)
    index.search(terms, weights, 3, allow=np.arange(len(index)) % 100 == 0)
    for row in hits.rows.tolist()[:3]:
        index.documents.passage(row)
        index.vector(row)
    index.documents.get("d5")
    _ = index.vocabulary, index.describe(), stored_tuning(index)
    if "dense" in index.parts:
        dense = index.parts["dense"]
        query = random.standard_normal(dense.dim).astype(np.float32)
        dense.search(query, 5, mode="exact")
        dense.search(query, 5, mode="approximate")
    if "late" in index.parts:
        late = index.parts["late"]
        tokens = random.standard_normal((2, late.record.dim)).astype(np.float32)
        late.scores(tokens, np.arange(0, len(index), 50))
        late.explain(tokens, 3)
        late.vectors(3)
    for part in PARTS:
        if part in index.parts:
            index.parts[part]


def copy_of(sample: Sample, folder: Path) -> Path:
    """A copy of the index, for what writes to it."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sample.path, folder, symlinks=True)
    return folder
