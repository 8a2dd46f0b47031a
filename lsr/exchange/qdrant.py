"""Qdrant: a collection of points, in a folder of its client's local mode, or on a server.

A point's vector is called "vector"; its id is a UUID that follows from the document's id, which is in the payload as
"id", beside "title", "text", "fields", and for windows "document" and "window". The collection has no modifier:
Qdrant's IDF would count twice, since the weights of queries hold it already.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from lsr.core.errors import InputError, OutputExistsError
from lsr.core.extras import needed
from lsr.core.files import atomic_folder
from lsr.core.remedies import REPLACE
from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, INTEGER, KEYWORD
from lsr.exchange.source import DOCUMENT, VECTOR, WINDOW, Row, Source, TermWeights, decimals, is_server
from lsr.exchange.targets import Target, Written

with needed("qdrant-client", "qdrant_client", "qdrant"):
    from qdrant_client import QdrantClient, models
    from qdrant_client.http.exceptions import ApiException

IDF = "the collection has no IDF modifier: queries that lsr encodes hold the IDF in their weights"
"""The choice of whoever makes a collection of sparse vectors in Qdrant."""

# A space of names: any that stays the same would do.
_SPACE = uuid.UUID("6f1d3c80-5a0e-5b7e-9d3e-1f1f7a1c2b11")
_POINTS_A_CALL = 512
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_INDEXES = {
    KEYWORD: models.PayloadSchemaType.KEYWORD,
    INTEGER: models.PayloadSchemaType.INTEGER,
    FLOAT: models.PayloadSchemaType.FLOAT,
    DATETIME: models.PayloadSchemaType.DATETIME,
    BOOLEAN: models.PayloadSchemaType.BOOL,
}


def point_id(id: str) -> str:
    """The point's id of a document's, or a window's."""
    return str(uuid.uuid5(_SPACE, id))


class Qdrant:
    """See `Target`."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """See `Target.write`. A query is not written: `body` has its JSON."""
        with _client(place, force) as client:
            documents = self._fill(client, source, force=force, server=is_server(place))
        return Written(documents, (*source.notes, IDF))

    def _fill(self, client: Any, source: Source, *, force: bool, server: bool) -> int:
        if client.collection_exists(source.name):
            if not force:
                raise OutputExistsError(f"the server has a collection {source.name!r}", remedies=[REPLACE])
            client.delete_collection(source.name)
        client.create_collection(
            source.name, vectors_config={}, sparse_vectors_config={VECTOR: models.SparseVectorParams()}
        )
        try:
            if server:
                for name, kind in _indexed(source):
                    client.create_payload_index(source.name, name, kind)
            documents = 0
            for rows in source.batches(_POINTS_A_CALL):
                client.upsert(source.name, [_point(source, row) for row in rows], wait=True)
                documents += len(rows)
        except BaseException:
            with suppress(Exception):
                client.delete_collection(source.name)
            raise
        return documents

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """That of `POST /collections/NAME/points/query`."""
        terms, weights = query
        sparse = {"indices": terms.tolist(), "values": decimals(weights)}
        return {"query": sparse, "using": VECTOR, "limit": k, "with_payload": True}


@contextmanager
def _client(place: str, force: bool) -> Iterator[Any]:
    """A client of the server, or of a new folder."""
    if is_server(place):
        client = QdrantClient(url=place, check_compatibility=False)
        try:
            yield client
        except ApiException as error:
            raise InputError(f"Qdrant at {place} does not do it: {error}") from error
        finally:
            client.close()
        return
    with atomic_folder(place, force=force) as folder:
        client = QdrantClient(path=str(folder))
        try:
            yield client
        finally:
            client.close()


def _indexed(source: Source) -> Iterator[tuple[str, models.PayloadSchemaType]]:
    """The paths of the payload that filters go by, with their types."""
    if source.windows:
        yield DOCUMENT, models.PayloadSchemaType.KEYWORD
    for name, kind in source.fields.items():
        yield f"fields.{name if _PLAIN.fullmatch(name) else _quoted(name)}", _INDEXES[kind.kind]


def _quoted(name: str) -> str:
    return f'"{name}"'


def _point(source: Source, row: Row) -> models.PointStruct:
    payload: dict[str, Any] = {"id": row.id}
    if row.window is not None:
        payload |= {DOCUMENT: row.document.id, WINDOW: row.window}
    if source.texts:
        payload |= {"title": row.document.title, "text": row.document.text, "fields": source.values(row.document)}
    vector = models.SparseVector(indices=row.terms.tolist(), values=decimals(row.weights))
    return models.PointStruct(id=point_id(row.id), payload=payload, vector={VECTOR: vector})


TARGET: Target = Qdrant()
