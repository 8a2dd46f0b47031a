"""Lance: a dataset with a row a document, which LanceDB opens as a table.

Columns: "id", "indices" and "values" (the terms and weights of the vector), "title", "text", "fields" as JSON, and for
windows "document" and "window". Lance has no index of sparse vectors: it keeps them beside other columns, and hands
them on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from lsr.core.errors import InputError
from lsr.core.extras import needed
from lsr.core.files import atomic_folder
from lsr.exchange.source import DOCUMENT, WINDOW, Row, Source, TermWeights, decimals
from lsr.exchange.targets import Target, Written

with needed("pylance", "lance", "lance"):
    import lance

SUFFIX = ".lance"
"""What LanceDB finds a table's folder by."""

_ROWS_AT_A_TIME = 1024


class Lance:
    """See `Target`."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """See `Target.write`."""
        if Path(place).suffix != SUFFIX:
            raise InputError(f"a dataset is a folder whose name ends in {SUFFIX}, by which LanceDB finds it")
        documents = 0

        def counted(batches: Iterator[list[Row]]) -> Iterator[pa.RecordBatch]:
            nonlocal documents
            for rows in batches:
                documents += len(rows)
                yield pa.RecordBatch.from_pylist([_record(source, row) for row in rows], schema=schema)

        schema = _schema(source)
        with atomic_folder(place, force=force) as folder:
            reader = pa.RecordBatchReader.from_batches(schema, counted(source.batches(_ROWS_AT_A_TIME)))
            lance.write_dataset(reader, str(folder))
        return Written(documents, source.notes)

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """The query's terms and weights, as the dataset has those of documents."""
        terms, weights = query
        return {"indices": terms.tolist(), "values": decimals(weights), "k": k}


def _schema(source: Source) -> pa.Schema:
    columns = [("id", pa.string()), ("indices", pa.list_(pa.uint32())), ("values", pa.list_(pa.float32()))]
    if source.texts:
        columns += [("title", pa.string()), ("text", pa.string()), ("fields", pa.string())]
    if source.windows:
        columns += [(DOCUMENT, pa.string()), (WINDOW, pa.int32())]
    return pa.schema(columns, {"dim": str(source.index.dim)})


def _record(source: Source, row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"id": row.id, "indices": row.terms, "values": row.weights}
    if source.texts:
        fields = json.dumps(row.document.fields, ensure_ascii=False)
        record |= {"title": row.document.title, "text": row.document.text, "fields": fields}
    if row.window is not None:
        record |= {DOCUMENT: row.document.id, WINDOW: row.window}
    return record


TARGET: Target = Lance()
