"""LanceDB, with its full-text index: BM25."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from peers.engine import PeerDocument, PeerEngine, Sizes, Vector

_NAME = "documents"


class LanceDb(PeerEngine):
    """A table; what its index does not have yet is scanned by a search."""

    title, package, module = "lancedb", "lancedb", "lancedb"
    promise = (
        "a new version of the table is written and named, and nothing is forced to the disk: stays if the process is "
        "killed, not if the power goes"
    )
    finds = "BM25"

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        import lancedb
        import pyarrow as pa

        self._schema = pa.schema([("id", pa.int64()), ("version", pa.int64()), ("text", pa.utf8())])
        made = folder.exists()
        database = lancedb.connect(folder)
        if made:
            self._table = database.open_table(_NAME)
            return
        from lancedb.index import FTS

        self._table = database.create_table(_NAME, schema=self._schema)
        words = FTS(
            with_position=False,
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
        )
        self._table.create_index("text", config=words)

    def prepared(self, documents: Sequence[PeerDocument]) -> Any:
        import pyarrow as pa

        rows = [{"id": each.id, "version": each.version, "text": each.vector.text} for each in documents]
        return pa.Table.from_pylist(rows, schema=self._schema)

    def add(self, prepared: Any) -> None:
        self._table.add(prepared)

    def replace(self, prepared: Any) -> None:
        self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(prepared)

    def delete(self, ids: Sequence[int]) -> None:
        self._table.delete(f"id in ({', '.join(map(str, ids))})")

    def search(self, query: Vector, k: int = 10) -> list[int]:
        asked = self._table.search(query.words, query_type="fts", fts_columns="text").limit(k).select(["id", "_score"])
        found: list[int] = asked.to_arrow()["id"].to_pylist()
        return found

    def compact(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nobody else reads an older version
            self._table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    def holds(self) -> dict[int, int]:
        rows = self._table.search().select(["id", "version"]).limit(None).to_arrow()
        return dict(zip(rows["id"].to_pylist(), rows["version"].to_pylist(), strict=True))

    def close(self) -> None:
        pass  # nothing is open between calls
