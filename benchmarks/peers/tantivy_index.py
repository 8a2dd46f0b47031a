"""tantivy, with BM25."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers.engine import PeerDocument, PeerEngine, Sizes, Vector, word


class Tantivy(PeerEngine):
    """An index that is committed, and loaded again, after every write. Texts are stored, as the others do."""

    title, package, module = "tantivy", "tantivy", "tantivy"
    promise = "`commit` has written it into segments and forced them to the disk (fdatasync): stays if the power goes"
    finds = "BM25"

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        import tantivy

        self._tantivy = tantivy
        folder.mkdir(exist_ok=True)
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("text", stored=True, tokenizer_name="whitespace", index_option="freq")
        builder.add_integer_field("id", stored=True, indexed=True, fast=True)
        builder.add_integer_field("version", stored=True, fast=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema, path=str(folder))
        self._writer = self._index.writer()

    def prepared(self, documents: Sequence[PeerDocument]) -> list[tuple[int, Any]]:
        return [
            (each.id, self._tantivy.Document(text=each.vector.text, id=each.id, version=each.version))
            for each in documents
        ]

    def add(self, prepared: list[tuple[int, Any]]) -> None:
        for _, document in prepared:
            self._writer.add_document(document)
        self._commit()

    def replace(self, prepared: list[tuple[int, Any]]) -> None:
        for id, _ in prepared:
            self._writer.delete_documents_by_term("id", id)
        self.add(prepared)

    def delete(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._writer.delete_documents_by_term("id", id)
        self._commit()

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()

    def search(self, query: Vector, k: int = 10) -> list[int]:
        should, term = self._tantivy.Occur.Should, self._tantivy.Query.term_query
        words = [(should, term(self._schema, "text", word(each), index_option="freq")) for each in query.terms]
        return self._of(self._tantivy.Query.boolean_query(words), k, "id")

    def _of(self, query: Any, k: int, field: str) -> list[int]:
        searcher = self._index.searcher()
        found: list[int] = searcher.fast_field_values(field, [place for _, place in searcher.search(query, k).hits])
        return found

    def compact(self) -> None:
        # It offers no merge into one segment: its own policy decides.
        self._writer.wait_merging_threads()
        self._writer = self._index.writer()
        self._writer.garbage_collect_files()
        self._index.reload()

    def holds(self) -> dict[int, int]:
        self._index.reload()
        every, most = self._tantivy.Query.all_query(), max(1, self._index.searcher().num_docs)
        return dict(zip(self._of(every, most, "id"), self._of(every, most, "version"), strict=True))

    def close(self) -> None:
        self._writer.wait_merging_threads()
