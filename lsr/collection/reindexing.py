"""Encoding a collection anew, by another model, beside the one that is searched and written to.

What is being made is a collection of its own, in a folder within (`lsr.index.live.versions`): an interrupted run goes
on by comparing the documents of both. Which documents are written meanwhile is noted by their ids, and these are
compared again, until few are left; for those, writes wait. Then its files are shared with the collection, and the
manifest that names them takes the place of the other by one rename, with a new file of the log. Returning to a version
that was kept is the same, but for where it begins: with that version's vectors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock, RLock
from typing import Any, Protocol, Self

from lsr.collection.creating import MEAN_LENGTH, dense_record, settings_of_model
from lsr.collection.encoding import DocumentEncoder
from lsr.collection.outcomes import Added, Deleted, Reindexed
from lsr.collection.stored_dense import stored_dense
from lsr.core.chunks import chunks
from lsr.core.documents import Document, is_blank
from lsr.core.errors import IndexFormatError, InputError, NotFoundError, OutputExistsError
from lsr.encoding.lexical.analysis import ANALYSIS
from lsr.encoding.lexical.settings import WORDS_ALONE, LexicalRecord, LexicalSettings
from lsr.encoding.titles import title_weight_of
from lsr.index import Index
from lsr.index.collection.create import create_collection
from lsr.index.collection.versions import begin_with
from lsr.index.collection.writer import CollectionWriter
from lsr.index.format.manifest import Manifest
from lsr.index.live.lock import REINDEX, WRITE
from lsr.index.live.versions import BACK, COMING, is_published, kept_version, remove_version
from lsr.index.parts.dense.record import DenseRecord
from lsr.search.live import LiveRetriever
from lsr.text.windows import fitting_windows

Progress = Callable[[int], None]

# Documents between two reports of progress.
_BATCH, _BATCH_CHARACTERS = 64, 1 << 20
# So many documents are compared while writes wait; more only where writers are faster than the encoder, round after
# round.
_FEW, _MOST_ROUNDS = 64, 20


class Versioned(Protocol):
    """What is needed of a `lsr.collection.collection.Collection`, which has its versions made here."""

    path: Path
    device: str | None
    _writer: CollectionWriter
    _writing: RLock
    _encoder: DocumentEncoder
    live: LiveRetriever
    _reindexing: Lock
    _touched: set[str] | None

    def __len__(self) -> int: ...

    @property
    def snapshot(self) -> Index: ...

    def get(self, id: str) -> Document | None: ...

    def scan(self) -> Iterator[Document]: ...

    def add(self, documents: Iterable[Document], *, wait: bool) -> Added: ...

    def delete(self, ids: Iterable[str], *, wait: bool) -> Deleted: ...

    def compact(self) -> None: ...

    def close(self) -> None: ...

    def _beside(self, path: Path) -> Self: ...

    def _encoder_of(self, manifest: Manifest) -> DocumentEncoder: ...


def reindex(
    collection: Versioned,
    model: str,
    *,
    dense: str | None,
    weight_scale: float | None,
    keep: bool,
    progress: Progress | None,
) -> Reindexed:
    """Encode all documents again, by another model, while they are searched and written to; then change over.

    The new version is made beside this one, of the texts that are stored. What is written meanwhile is encoded
    again, too; only for the last of it, writes wait. Searches see the one or the other, whichever process they are
    of. An interrupted run goes on where it was. What is not asked for stays as it is: dense vectors, words, fields,
    settings, synonyms; windows, unless they were the old model's, or are longer than the new one reads. What was
    measured with the old model, as tuning does, is left out, and so are token vectors.

    Args:
        model: as for `Collection.create`.
        dense: another dense model, or one where there was none.
        weight_scale: as for `Collection.create`.
        keep: keep the version that is left, so that `Collection.go_back` returns to it; it takes its space, and the
            place of one that was kept before. Otherwise none is kept.
        progress: called with the number of documents just encoded.

    InputError for documents without texts or that the new model cannot take, ModelError for a model that there is
    not; the collection stays as it is then.
    """
    with _alone(collection) as folder:
        manifest = collection.snapshot.manifest
        wanted = settings_for(manifest, model, dense, weight_scale, collection.device)
        begun = _begun(folder, wanted)
        if begun and is_published(collection.path):
            return finished(collection, keep=keep)
        documents = collection.snapshot.documents
        if len(documents) and all(is_blank(document.contents) for document in documents.scan()):
            raise InputError(f"{collection.path}: its documents have no texts that could be encoded")
        made = _opened(collection, folder, lambda: _begin(folder, wanted), begun=begun)
        return _change_over(collection, made, keep=keep, progress=progress)


def go_back(collection: Versioned, *, keep: bool, progress: Progress | None) -> Reindexed:
    """See `Collection.go_back`."""
    with _alone(collection) as folder:
        begun = (folder / BACK).exists()
        if begun and is_published(collection.path):
            return finished(collection, keep=keep)
        kept = kept_version(collection.path)
        if kept is None:
            if is_published(collection.path):
                remove_version(folder)
            raise NotFoundError(f"{collection.path}: no version of it was kept")
        made = _opened(collection, folder, lambda: _begin_back(collection, kept, folder), begun=begun)
        return _change_over(collection, made, keep=keep, progress=progress)


def finished(collection: Versioned, *, keep: bool) -> Reindexed:
    """Clear away what is left of a run that was killed once the new version was published."""
    remove_version(collection.path / COMING)
    if not keep:
        collection._writer.forget()
    return Reindexed(len(collection))


def forget(collection: Versioned) -> bool:
    """See `Collection.forget`."""
    with _alone(collection) as folder:
        begun = folder.exists()
        remove_version(folder)
        return collection._writer.forget() or begun


@contextmanager
def _alone(collection: Versioned) -> Iterator[Path]:
    """The folder of the version to come, while nobody else makes one; others who want to write are told."""
    if not collection._reindexing.acquire(blocking=False):
        raise OutputExistsError(f"{collection.path}: another thread is making a new version of it; wait for it to end")
    try:
        collection._writer.lock.announce(REINDEX)
        folder = collection.path / COMING
        if folder.is_symlink():  # of a stranger's collection: nothing of what it leads to is touched
            folder.unlink()
        yield folder
    finally:
        collection._writer.lock.announce(WRITE)
        collection._reindexing.release()


def _change_over(collection: Versioned, made: Versioned, *, keep: bool, progress: Progress | None) -> Reindexed:
    """Let a version have the documents of the collection, and take its place."""
    try:
        with closing(made):
            _, source = _written(collection)
            _compare_all(source, made, progress)
            caught = _catch_up(collection, made)
            # One segment is searched fastest. It takes time, in which others write.
            made.compact()
            if keep:
                collection._writer.flush()
            caught += _catch_up(collection, made)
            with collection._writing:
                ids, source = _written(collection)
                caught += _compare(source, made, ids)
                made._writer.flush()
                made.close()
                _become(collection, made, keep=keep)
        with suppress(OSError):  # what cannot be removed now is by the next one
            remove_version(made.path)
    finally:
        collection._touched = None
    return Reindexed(len(collection), caught)


def _written(collection: Versioned) -> tuple[set[str], Index]:
    """The ids of documents that were written since this was called last, and the collection as it is now."""
    with collection._writing:
        ids, collection._touched = collection._touched or set(), set()
        return ids, collection.snapshot


def _become(collection: Versioned, made: Versioned, *, keep: bool) -> None:
    """Take over the files and the models of another version. Nobody writes meanwhile."""
    encoder = collection._encoder_of(made._writer.manifest)
    collection._writer.adopt(made.path, keep=keep, tokens_of=encoder.tokens_of)
    collection._encoder = encoder
    collection.live.latest = made.live.latest.renewed(collection.snapshot)


def _compare_all(source: Index, made: Versioned, progress: Progress | None) -> None:
    """Let a version have all documents of a snapshot, and no others."""
    # Of a run that was interrupted, or of a version that was kept.
    begun = len(made) > 0
    if begun:
        gone = [document.id for document in made.scan() if _document(source, document.id) is None]
        made.delete(gone, wait=False)

    def missing() -> Iterator[Document]:
        for document in source.documents.scan():
            if not begun or made.get(document.id) != document:
                yield document
            elif progress is not None:
                progress(1)

    _add(source, made, missing(), progress)


def _catch_up(collection: Versioned, made: Versioned) -> int:
    """Compare what was written since it was compared last, until that is little; how many documents that were."""
    count = 0
    for _ in range(_MOST_ROUNDS):
        ids, source = _written(collection)
        count += _compare(source, made, ids)
        if len(ids) <= _FEW:
            break
    return count


def _compare(source: Index, made: Versioned, ids: Iterable[str]) -> int:
    """Let a version have these documents as they are in a snapshot; how many it had not so."""
    wanted = {id: _document(source, id) for id in ids}
    differ = {id: document for id, document in wanted.items() if made.get(id) != document}
    made.delete([id for id, document in differ.items() if document is None], wait=False)
    _add(source, made, [document for document in differ.values() if document is not None], None)
    return len(differ)


def _document(index: Index, id: str) -> Document | None:
    try:
        return index.documents.get(id)
    except NotFoundError:
        return None


def _add(source: Index, made: Versioned, documents: Iterable[Document], progress: Progress | None) -> None:
    """Add documents of a snapshot to a version; what the same dense model made of them is taken over."""
    made._encoder.stored = stored_dense(source, made.snapshot.manifest)
    for batch in chunks(documents, _BATCH, _BATCH_CHARACTERS, lambda document: document.size):
        for refused in made.add(batch, wait=False).refused:
            raise InputError(f"document {refused.id!r} cannot be encoded by this model: {refused.reason}")
        if progress is not None:
            progress(len(batch))


# -- how it is to be encoded -----------------------------------------------------------------------------------------


def settings_for(
    manifest: Manifest, model: str, dense: str | None, weight_scale: float | None, device: str | None
) -> dict[str, Any]:
    """What `create_collection` is told of a version by another model: what is not asked for stays as it is."""
    live, record = manifest.live, manifest.encoder or {}
    assert live is not None
    alone, was_alone = model == WORDS_ALONE, record.get("model") == WORDS_ALONE
    words = LexicalRecord.of_encoder(record)
    if words is None and alone:
        words = LexicalRecord(settings=LexicalSettings(), mean_length=MEAN_LENGTH, analysis=ANALYSIS)
    if words is not None:
        weight = words.settings.weight if alone == was_alone else 1.0 if alone else LexicalSettings().weight
        words = replace(words, settings=replace(words.settings, weight=weight), analysis=ANALYSIS)
    made = settings_of_model(
        model, words=words, title_weight=title_weight_of(record), weight_scale=weight_scale, device=device
    )
    if alone == was_alone:
        made["settings"] = live.settings
    if not alone:
        made["encoder"]["top_k"] = record.get("top_k")
    made["windows"] = _windows(live.windows, record, made.get("windows"))
    made["dense"] = live.dense
    if dense is not None:
        found = DenseRecord.from_record(dense_record(dense, device))
        made["dense"] = (found if live.dense is None else found.with_kind(live.dense["kind"])).to_record()
    made["schema"] = live.schema
    return made


def _windows(
    before: dict[str, Any] | None, record: dict[str, Any], fitting: dict[str, Any] | None
) -> dict[str, Any] | None:
    """How documents are cut: as the new model reads, where they were cut as the old one does; else as they were.

    `record`: of the old encoder; `fitting`: what the new model reads; None for words alone, which need no windows.
    """
    if before is None:
        return fitting if record.get("model") == WORDS_ALONE else None
    if "max_length" in record and before == fitting_windows(record["max_length"]).to_record():
        return fitting
    if fitting is not None and before["words"] > fitting["words"]:
        return {**before, "words": fitting["words"], "stride": fitting["stride"]}
    return before


def _opened(collection: Versioned, folder: Path, begin: Callable[[], None], *, begun: bool) -> Versioned:
    """The version that is being made, which begins now if it has not, or if what was made of it is damaged."""
    if begun:
        with suppress(IndexFormatError):
            return collection._beside(folder)
    begin()
    return collection._beside(folder)


def _begin_back(collection: Versioned, kept: Manifest, folder: Path) -> None:
    begin_with(collection.path, kept, folder)
    (folder / BACK).touch()


def _begin(folder: Path, wanted: dict[str, Any]) -> None:
    remove_version(folder)
    create_collection(folder, **wanted)


def _begun(folder: Path, wanted: dict[str, Any]) -> bool:
    """Whether a version is being made that is encoded like this."""
    manifest = _manifest(folder)
    if manifest is None or manifest.live is None or (folder / BACK).exists():
        return False
    live = manifest.live
    found = {
        "terms": live.terms,
        "weight_scale": manifest.weight_scale,
        "encoder": manifest.encoder,
        "settings": live.settings,
        "tokens": live.tokens,
        "windows": live.windows,
        "dense": live.dense,
        "schema": live.schema,
    }
    asked = {"tokens": False, **{name: value for name, value in wanted.items() if name != "vocabulary"}}
    asked["encoder"] = json.loads(json.dumps(asked["encoder"]))
    return found == asked


def _manifest(folder: Path) -> Manifest | None:
    try:
        return Manifest.read(folder)
    except IndexFormatError:
        return None
