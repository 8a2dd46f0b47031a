"""Milvus: a collection in a folder of Milvus Lite, or on a server.

Columns: "id" (the key), "vector", "title", "text", "fields" as JSON, and for windows "document" and "window". The index
of the vectors is exact, an inverted one by inner product. Milvus refuses vectors without terms, so documents that have
none are left out, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from lsr.core.counted import counted
from lsr.core.errors import InputError, OutputExistsError
from lsr.core.extras import needed
from lsr.core.files import atomic_folder
from lsr.core.remedies import REPLACE
from lsr.exchange.source import DOCUMENT, VECTOR, WINDOW, Row, Source, TermWeights, decimals, is_server
from lsr.exchange.targets import Target, Written

with needed("pymilvus", "pymilvus", "milvus"):
    from pymilvus import DataType, MilvusClient
    from pymilvus.exceptions import MilvusException

DATABASE = "milvus.db"
"""What Milvus Lite is told to open in the folder."""

_ROWS_A_CALL = 512
# Of a VARCHAR, and of JSON, in bytes.
_LONGEST = 65_535


class Milvus:
    """See `Target`."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """See `Target.write`. A query is not written: `body` has its JSON."""
        _check_all(source)
        with _client(place, force) as client:
            documents, empty = self._fill(client, source, force=force)
        notes = source.notes
        if empty:
            notes = (*notes, f"{counted(empty, 'documents')} without terms left out: Milvus takes none")
        return Written(documents, notes)

    def _fill(self, client: Any, source: Source, *, force: bool) -> tuple[int, int]:
        if client.has_collection(source.name):
            if not force:
                raise OutputExistsError(f"the server has a collection {source.name!r}", remedies=[REPLACE])
            client.drop_collection(source.name)
        index = client.prepare_index_params()
        index.add_index(VECTOR, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        client.create_collection(source.name, schema=_schema(source), index_params=index)
        try:
            documents = empty = 0
            for rows in source.batches(_ROWS_A_CALL):
                full = [_record(source, row) for row in rows if len(row.terms)]
                if full:
                    client.insert(source.name, full)
                documents, empty = documents + len(full), empty + len(rows) - len(full)
            client.flush(source.name)
        except BaseException:
            with suppress(Exception):
                client.drop_collection(source.name)
            raise
        return documents, empty

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """That of `POST /v2/vectordb/entities/search`."""
        terms, weights = query
        vector = dict(zip(map(str, terms.tolist()), decimals(weights), strict=True))
        return {"collectionName": name, "data": [vector], "annsField": VECTOR, "limit": k, "outputFields": ["id"]}


@contextmanager
def _client(place: str, force: bool) -> Iterator[Any]:
    """A client of the server, or of a new folder."""
    if is_server(place):
        try:
            client = MilvusClient(place)
        except MilvusException as error:
            raise InputError(f"no Milvus answers at {place}: {error.message}") from error
        try:
            yield client
        finally:
            client.close()
        return
    with atomic_folder(place, force=force) as folder:
        with needed("milvus-lite", "milvus_lite", "milvus"):
            from milvus_lite.server_manager import server_manager_instance
        client = MilvusClient(str(folder / DATABASE))
        try:
            yield client
        finally:
            client.close()
            # Else this process keeps the database locked to its end.
            server_manager_instance.release_server(str(folder / DATABASE))


def _schema(source: Source) -> Any:
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=_LONGEST)
    schema.add_field(VECTOR, DataType.SPARSE_FLOAT_VECTOR)
    if source.texts:
        for name in ("title", "text"):
            schema.add_field(name, DataType.VARCHAR, max_length=_LONGEST)
        schema.add_field("fields", DataType.JSON)
    if source.windows:
        schema.add_field(DOCUMENT, DataType.VARCHAR, max_length=_LONGEST)
        schema.add_field(WINDOW, DataType.INT64)
    return schema


def _record(source: Source, row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"id": row.id, VECTOR: dict(zip(row.terms.tolist(), decimals(row.weights), strict=True))}
    if source.texts:
        record |= {"title": row.document.title, "text": row.document.text, "fields": source.values(row.document)}
    if row.window is not None:
        record |= {DOCUMENT: row.document.id, WINDOW: row.window}
    return record


def _check_all(source: Source) -> None:
    """Find what Milvus would refuse before anything is written, or what was there is gone."""
    for id in source.ids():
        _check("id", id, id)
    if source.texts:
        for document in source.passages():
            fields = json.dumps(source.values(document), ensure_ascii=False)
            for name, value in (("title", document.title), ("text", document.text), ("fields", fields)):
                _check(name, value, document.id, remedies=["leave the texts out", "index it by windows"])


def _check(name: str, value: str, id: str, *, remedies: Sequence[str] = ()) -> None:
    if len(value.encode()) > _LONGEST:
        message = f"document {id[:40]!r}: its {name} is longer than the {_LONGEST:,} bytes that Milvus takes"
        raise InputError(message, remedies=remedies)


TARGET: Target = Milvus()
