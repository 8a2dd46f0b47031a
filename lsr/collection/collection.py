"""A collection: an index whose documents come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, Self

from lsr.collection.encoding import DocumentEncoder
from lsr.collection.given import as_documents, characters, without_repeats
from lsr.collection.outcomes import Added, Deleted, Outcome, Refused, Reindexed, outcomes
from lsr.collection.searched import SearchedCollection
from lsr.collection.stored import OnlyIf, allowed_ids, puts_of, with_fields
from lsr.core.annotated import methods_as_annotated
from lsr.core.arguments import list_of, path_of, text_of
from lsr.core.chunks import chunks
from lsr.core.documents import Document
from lsr.core.options import build
from lsr.index.live.writes import Delete, Write
from lsr.text.windows import WindowSettings

if TYPE_CHECKING:
    from lsr.index import Index
    from lsr.index.collection.policy import LivePolicy
    from lsr.index.collection.writer import CollectionWriter
    from lsr.index.format.manifest import Manifest
    from lsr.index.live.memory.segment import Applied
    from lsr.search.retriever import Retriever

# Documents that are encoded, logged and made safe together.
_BATCH, _BATCH_CHARACTERS = 256, 1 << 22


@methods_as_annotated("__init__", "create", "update_fields", "compact", "reindex", "go_back")
class Collection(SearchedCollection):
    """Documents that are added, replaced and deleted while they are searched, in a folder of their own.

    What `lsr index` makes is one, and so is what `create` makes. One process writes to it at a time; any number read
    it, as indexes. A write is done when it has returned: it is on the disk, and in the next search's answer. Threads
    may share it. A context manager, which closes it.

    Attributes:
        path: the folder.
        recovered: what was found when it was opened that was not as a writer leaves it, in words.
        device: of the models; None for the best that there is.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        device: str | None = None,
        policy: LivePolicy | None = None,
        retriever: Retriever | None = None,
    ) -> None:
        """Open a collection for writing; see `open`."""
        from lsr.index.collection.create import make_live
        from lsr.index.collection.writer import CollectionWriter
        from lsr.search.live import LiveRetriever

        self.path = path_of(path, "the path of a collection")
        make_live(self.path)
        self._writer: CollectionWriter = CollectionWriter(
            self.path, tokens_of=lambda documents: self._encoder.tokens_of(documents), policy=policy
        )
        self.recovered = self._writer.recovered
        self.live = LiveRetriever(self._writer.snapshot, known=retriever, device=device)
        self.device = device
        # Held while writes are applied: what they were encoded by is what the collection is encoded by.
        self._writing, self._reindexing = RLock(), Lock()
        self._encoder = self._encoder_of(self._writer.manifest)
        self._touched: set[str] | None = None  # the ids that are written while it is encoded anew

    def _encoder_of(self, manifest: Manifest) -> DocumentEncoder:
        live = manifest.live
        assert live is not None
        return DocumentEncoder(
            manifest.encoder,
            tokens=live.tokens,
            dense=live.dense,
            windows=None if live.windows is None else build(WindowSettings, live.windows),
            load=lambda: self.retriever.document_encoder,
            load_dense=lambda: self.retriever.dense_encoder,
        )

    def _beside(self, path: Path) -> Self:
        """Another collection, opened as this one; of its models, those that are the same are shared."""
        return type(self)(path, device=self.device, policy=self._writer.policy, retriever=self.retriever)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        device: str | None = None,
        policy: LivePolicy | None = None,
        retriever: Retriever | None = None,
    ) -> Self:
        """Open the collection in a folder, for writing and searching.

        An index that was built by `lsr index` becomes one at the first opening: it goes on to be read as it was.
        `policy` says when memory becomes a segment and segments become one; `retriever` is one of this collection whose
        models are loaded. One of shards is opened for searching alone (`ShardedCollection`). OutputExistsError if
        another process writes to it, IndexFormatError if it is damaged or none.
        """
        from lsr.collection.sharded import ShardedCollection
        from lsr.index.format.manifest import is_sharded

        if is_sharded(path):
            return ShardedCollection(path, device=device, retriever=retriever)  # type: ignore[return-value]
        return cls(path, device=device, policy=policy, retriever=retriever)

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        model: str | None = None,
        dense: str | None = None,
        lexical: bool = True,
        lexical_weight: float | None = None,
        language: str = "english",
        never_split: Sequence[str] = (),
        title_weight: float = 0.0,
        mean_length: float = 100.0,
        weight_scale: float | None = None,
        schema: Mapping[str, str] | None = None,
        device: str | None = None,
        policy: LivePolicy | None = None,
    ) -> Self:
        """Make an empty collection in a new folder, and open it.

        Args:
            path: the folder.
            model: a name from `lsr models`, a folder or a hub name; "bm25" for words alone. Default: `lsr index`'s.
            dense: a dense model, for hybrid search.
            lexical: whether words count beside the model's terms; `lexical_weight`: how much, where a search does not
                say (default: `lsr index`'s); `language` of their stemmer; `never_split`: terms that are one word each.
            title_weight: how many times more titles count (`lsr.encoding.titles`).
            mean_length: the number of words of a usual document, by which BM25 takes lengths; it stays so.
            weight_scale: the weight that a stored 1 (of 255) stands for; it stays so, and heavier weights are stored as
                the heaviest. Default: by weights of texts that come with Python.
            schema: the types of fields, as {"year": "integer", "tags": "keyword[]"}; a document that does not fit is
                refused then. Default: they are inferred.
            device, policy: see `open`.

        OutputExistsError if the folder is not empty, ModelError for a model that there is not, InputError for what
        makes no sense, such as a language without words.
        """
        from lsr.collection.creating import create

        create(
            path,
            model=model,
            dense=dense,
            lexical=lexical,
            lexical_weight=lexical_weight,
            language=language,
            never_split=never_split,
            title_weight=title_weight,
            mean_length=mean_length,
            weight_scale=weight_scale,
            schema=schema,
            device=device,
        )
        return cls(path, device=device, policy=policy)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self._writer.holds(id)

    def add(
        self,
        documents: Document | Mapping[str, Any] | Iterable[Document | Mapping[str, Any]],
        *,
        wait: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> Added:
        """Add documents; one of an id that is there takes its place. Return what became of them, once they are safe.

        Args:
            documents: `Document`s, or dicts as a line of a JSONL corpus holds: `_id`, `title`, `text`, other fields.
            wait: with False, return before they are on the disk; `flush` waits for that.
            progress: called with the number of documents just encoded.

        A document that cannot be written is refused by itself, with its reason; the others go in. In one call, the last
        of an id counts.
        """
        result = Added()
        for outcome in self._added(documents, progress, wait=False):
            result.count(outcome)
        if wait:
            self._writer.flush_log()
        return result

    def add_each(
        self,
        documents: Document | Mapping[str, Any] | Iterable[Document | Mapping[str, Any]],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Outcome]:
        """Add documents as `add` does, and yield what became of each, in their order, once it is safe.

        What is given is read as outcomes are taken: some hundred documents ahead.
        """
        return self._added(documents, progress, wait=True)

    def _added(self, documents: Any, progress: Callable[[int], None] | None, *, wait: bool) -> Iterator[Outcome]:
        for batch in chunks(as_documents(documents), _BATCH, _BATCH_CHARACTERS, characters):
            for piece in without_repeats(batch):
                done = self._put(piece, progress)
                if wait:
                    self._writer.flush_log()
                yield from done

    def _put(self, piece: list[Document | Refused], progress: Callable[[int], None] | None) -> list[Outcome]:
        """Encode and write documents of different ids, but for those that cannot be written; what became of each."""
        documents = [each for each in piece if isinstance(each, Document)]
        while True:
            encoder = self._encoder
            puts, refused = encoder.encode(documents, progress)
            with self._writing:
                if encoder is self._encoder:  # else all was encoded anew meanwhile, by another model
                    puts, unfit = encoder.fitting(puts, lambda put: self._writer.check([put]))
                    new = set(self._apply(puts).new)
                    break
        return outcomes(piece, [*refused, *unfit], new)

    def _apply(self, writes: Sequence[Write]) -> Applied:
        """Make writes, which are safe once the log is flushed."""
        with self._writing:
            applied = self._writer.apply(writes, wait=False)
            if self._touched is not None:
                self._touched.update(
                    write.id if isinstance(write, Delete) else self._encoder.document_of(write) for write in writes
                )
            return applied

    def delete(
        self, ids: str | Iterable[str] = (), *, filter: Any = None, only_if: OnlyIf | None = None, wait: bool = True
    ) -> Deleted:
        """Delete documents by id, or those that fulfil a filter (as for a search) at this moment.

        Ids that there are not are told, and no error. InputError for a filter that cannot be read, or without
        conditions: it would delete everything. `only_if` is called with each document, or None, while nobody else
        writes: what it raises keeps all of them.
        """
        wanted = [ids] if isinstance(ids, str) else list_of(ids, "ids")
        if filter is not None:
            wanted += allowed_ids(self.snapshot, filter)
        ids = dict.fromkeys(text_of(id, "the id of a document") for id in wanted)
        writes: Sequence[Write] = [Delete(id) for id in ids]
        with self._writing:
            for write in writes if only_if is not None else ():
                only_if(self.get(write.id))  # type: ignore[misc]
            applied = self._apply(writes)
        if wait:
            self._writer.flush_log()
        return Deleted(applied.deleted, applied.missing)

    def update_fields(
        self, id: str, fields: Mapping[str, Any], *, only_if: OnlyIf | None = None, wait: bool = True
    ) -> Document:
        """Change fields of a document: those given are set, those given as None removed. Return it as it is then.

        Its text is not encoded again, unless documents are cut into windows, or have dense vectors. `only_if` is called
        with the document that is changed: what it raises keeps it as it is.

        NotFoundError if there is no such document, InputError for values that are not JSON.
        """
        while True:
            encoder, snapshot = self._encoder, self.snapshot
            before = snapshot.documents.get(id)
            if only_if is not None:
                only_if(before)
            document = with_fields(before, fields)
            puts = puts_of(snapshot, encoder, document)
            with self._writing:
                # Else all was encoded anew meanwhile, or somebody changed this document.
                if encoder is self._encoder and self.get(id) == before:
                    self._apply(puts)
                    break
        if wait:
            self._writer.flush_log()
        return document

    def flush(self) -> None:
        """Wait until all that was written is on the disk."""
        self._writer.flush_log()

    def wait(self) -> None:
        """Wait until segments are made and merged, as far as there is something to do."""
        self._writer.wait()

    def compact(self, progress: Callable[[int], None] | None = None) -> None:
        """Put all documents into one segment: see `lsr.index.collection.writer.CollectionWriter.compact`."""
        self._writer.compact(progress)

    def reindex(
        self,
        model: str,
        *,
        dense: str | None = None,
        weight_scale: float | None = None,
        keep: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Reindexed:
        """Encode all documents again, by another model, while they are searched and written to; then change over.

        See `lsr.collection.reindexing.reindex`.
        """
        from lsr.collection.reindexing import reindex

        return reindex(self, model, dense=dense, weight_scale=weight_scale, keep=keep, progress=progress)

    def go_back(self, *, keep: bool = False, progress: Callable[[int], None] | None = None) -> Reindexed:
        """Return to the version that `reindex` kept, with what was written since, which is encoded by its model.

        With `keep`, the version that is left is kept in its place. NotFoundError if none was kept.
        """
        from lsr.collection.reindexing import go_back

        return go_back(self, keep=keep, progress=progress)

    def forget(self) -> bool:
        """Remove the version that `reindex` kept, and what an interrupted run has made; whether there was one."""
        from lsr.collection.reindexing import forget

        return forget(self)

    def close(self) -> None:
        """Make all writes safe, and let others write."""
        self._writer.close()

    @property
    def building(self) -> bool:
        """Whether a segment is being made now, of memory or of others."""
        return self._writer.building

    @property
    def moment(self) -> str:
        """What the collection as it is on the disk is known by: another after every write, and in other collections."""
        live, place = self._writer.manifest.live, self._writer.flush_log()
        assert live is not None
        return f"{live.identity}:{place.sequence}:{place.number}:{place.crc}"

    @property
    def written(self) -> int:
        """How many records were ever written to its log."""
        return self._writer.flush_log().sequence

    @property
    def snapshot(self) -> Index:
        """The collection as it is now; it never changes."""
        return self._writer.snapshot()
