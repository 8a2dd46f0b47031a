"""Building a segment of a collection."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lsr.core.options import build
from lsr.core.progress import in_proportion
from lsr.core.schema import Schema
from lsr.core.types import Vectors
from lsr.core.vocabulary import Vocabulary
from lsr.index.build.segment import SegmentBuilder
from lsr.index.collection.carrying import carry_parts
from lsr.index.collection.rows import Rows, paced_rows
from lsr.index.format.arrays import ArrayWriter, open_array
from lsr.index.format.columns import SharedColumns
from lsr.index.format.manifest import Manifest
from lsr.index.format.output import new_segment, seal
from lsr.index.format.records import PartRecord
from lsr.index.live.searched import SearchedSegment
from lsr.index.parts.dense.ann import write_ann
from lsr.index.parts.dense.record import ANN_NAME, NAME, VECTORS_NAME, DenseRecord
from lsr.index.parts.segment import Segment
from lsr.text.windows import WindowSettings

# Fewer vectors are all read by every search, whatever the kind: a structure over them would not be faster.
_FLAT_BELOW = 50_000


def build_segment(
    path: Path,
    manifest: Manifest,
    rows: Rows,
    vocabulary: Vocabulary | None = None,
    merged: Sequence[SearchedSegment] = (),
    *,
    rate: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> Segment | None:
    """Write a segment of these rows into the folder of a collection, and open it, unnamed yet; None for no rows.

    `vocabulary`: the model's terms, if the collection's segments hold them; `merged`: the segments whose rows they are,
    and whose added parts it gets; `rate`: as of `paced_rows`; `progress` is called with the number of rows just
    finished. What was written is removed if this fails.
    """
    if not rows.rows:
        return None
    live = manifest.live
    assert live is not None
    # A row is read, and then put in its place among all of them.
    report = in_proportion(progress, counted=2 * rows.rows, reported=rows.rows)
    rows = paced_rows(rows, rate)
    dim = live.terms + len(rows.words)
    builder = SegmentBuilder(
        new_segment(path),
        dim=max(dim, 1),
        settings=live.settings,
        vocabulary=vocabulary,
        windows=None if live.windows is None else build(WindowSettings, live.windows),
        words=rows.words,
        shared=SharedColumns.of(dim) if rows.words else None,
        by_id=True,
        schema=None if live.schema is None else Schema.from_record(live.schema),
    )
    try:
        builder.begin(manifest.weight_scale)
        if live.dense is None:
            for batch in rows.batches:
                builder.add(batch.vectors, batch.documents)
                report(len(batch.vectors))
        else:
            _add_with_dense(builder, rows, DenseRecord.from_record(live.dense), report)
        if live.tokens:
            builder.count_tokens(np.pad(rows.tokens, (0, builder.dim - len(rows.tokens))))
        if merged:
            builder.parts |= carry_parts(merged, builder.draft.folder)
        record, _ = builder.finish(report)
        segment = Segment.open(path / record.name, record)
        segment.open_all()
        return segment
    except BaseException:
        builder.discard()
        raise


def _add_with_dense(builder: SegmentBuilder, rows: Rows, dense: DenseRecord, report: Callable[[int], None]) -> None:
    """Add rows, and write their dense vectors as a part."""
    folder = builder.draft.folder / f"{NAME}-{secrets.token_hex(4)}"
    folder.mkdir()

    def added() -> Iterator[Vectors]:
        for batch in rows.batches:
            builder.add(batch.vectors, batch.documents)
            report(len(batch.vectors))
            assert batch.dense is not None
            yield batch.dense

    with ArrayWriter(folder / VECTORS_NAME, np.float32) as writer:
        for vectors in added():
            writer.append(vectors.ravel())
    count = len(builder)
    kind = dense.kind if count >= _FLAT_BELOW else "flat"
    if kind != "flat":
        vectors = open_array(folder / VECTORS_NAME, np.float32, count * dense.dim).reshape(count, dense.dim)
        write_ann(folder / ANN_NAME, vectors, kind, seed=0, threads=os.cpu_count() or 1, progress=lambda count: None)
    record = dense.with_kind(kind).to_record()
    builder.parts[NAME] = PartRecord(folder.name, record, seal(folder))
