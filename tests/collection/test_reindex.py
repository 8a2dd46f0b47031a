"""A collection encoded anew: as one that was made afresh, whatever is written meanwhile, and wherever it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reindexed import DENSE, DOC, SMALL, SPLADE, answers, check_as_fresh, create, document

from lsr.collection import reindexing
from lsr.collection.collection import Collection
from lsr.collection.encoding import DocumentEncoder
from lsr.collection.outcomes import Refused
from lsr.core.errors import InputError, ModelError, OutputExistsError
from lsr.index import Index, IndexBuilder, verify
from lsr.index.live.reader import CollectionReader
from lsr.index.live.versions import COMING
from lsr.search.live import LiveRetriever
from lsr.search.retriever import Retriever
from lsr.vectors.sparse import SparseVectors


@pytest.mark.parametrize(
    ("before", "after", "options"),
    [(SPLADE, DOC, {}), (DOC, SPLADE, {"dense": DENSE}), ("bm25", DOC, {"language": "german"}), (SPLADE, "bm25", {})],
)
def test_it_is_as_one_made_afresh(tmp_path: Path, before: str, after: str, options: dict[str, Any]) -> None:
    with create(tmp_path / "collection", before, **options) as collection:
        held = {each.id: each for each in collection.scan()}
        done = collection.reindex(after)
        assert (done.documents, done.caught_up) == (28, 0) == (len(held), 0)
        assert {each.id: each for each in collection.scan()} == held
        check_as_fresh(collection, tmp_path / "fresh", after, **options)
        # It goes on to take writes, in this process and the next one.
        collection.add(document(50))
        collection.delete("d4")
    with Collection.open(tmp_path / "collection", policy=SMALL) as collection:
        assert collection.recovered == []
        collection.update_fields("d5", {"version": 7})
        collection.add([document(number, 2) for number in range(5, 20)])
        collection.compact()
        check_as_fresh(collection, tmp_path / "again", after, **options)


def test_what_is_not_asked_for_stays(tmp_path: Path) -> None:
    options = {"dense": DENSE, "language": "german", "mean_length": 40.0}
    with create(tmp_path / "collection", **options) as collection:
        collection.reindex(DOC, weight_scale=0.25)
        assert collection.snapshot.manifest.weight_scale == 0.25
        check_as_fresh(collection, tmp_path / "fresh", DOC, weight_scale=0.25, **options)
    with create(tmp_path / "without", lexical=False) as collection:
        collection.reindex(DOC, dense=DENSE)
        check_as_fresh(collection, tmp_path / "other", DOC, lexical=False, dense=DENSE)


def test_writes_go_on_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "_BATCH", 8)
    with create(tmp_path / "collection") as collection:
        live = LiveRetriever.follow(collection.path, every=0)
        said = 0

        def write(count: int) -> None:
            nonlocal said
            said += 1
            if said <= 3:
                # New, replaced, deleted; and what was deleted comes back.
                collection.add([document(100 + said), document(6, said)])
                collection.delete([f"d{6 + said}", "d101"])
                collection.update_fields("d20", {"version": said})
                collection.add(document(1, said))
                assert live.now.index.documents.get("d20").fields["version"] == said

        done = collection.reindex(DOC, progress=write)
        assert said >= 3 and done.caught_up >= 6
        held = {each.id: each.fields["version"] for each in collection.scan()}
        assert held["d6"] == held["d20"] == held["d1"] == 3 and {"d102", "d103"} < held.keys()
        assert not {"d7", "d8", "d9", "d101", "d2"} & held.keys()
        check_as_fresh(collection, tmp_path / "fresh", DOC)
        assert answers(live) == answers(collection)


def test_threads_write_and_search_meanwhile(tmp_path: Path) -> None:
    """Every answer is one of the old version or of the new one, and no acknowledged write is lost."""
    with create(tmp_path / "collection") as collection:
        over, problems = threading.Event(), list[BaseException]()
        live = LiveRetriever.follow(collection.path, every=0)
        latest = 0

        def writes() -> None:
            nonlocal latest
            while not over.is_set():
                collection.add([document(200, latest + 1), document(201 + latest % 40, latest + 1)])
                latest += 1

        def searches() -> None:
            while not over.is_set():
                for searched in (collection, live):
                    before = latest
                    (hit,) = searched.search("", 1, filter="number = 200 and version >= 0").hits or [None]
                    if before:
                        assert hit is not None and hit.document.fields["version"] >= before
                    assert searched.search("index", 3).hits

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:
                problems.append(error)
                over.set()

        threads = [threading.Thread(target=guarded, args=(each,)) for each in (writes, searches)]
        for thread in threads:
            thread.start()
        for model in (DOC, SPLADE):
            collection.reindex(model)
        over.set()
        for thread in threads:
            thread.join()
        assert not problems, problems
        assert latest and collection.get("d200") is not None
        assert collection.get("d200").fields["version"] == latest  # type: ignore[union-attr]
        check_as_fresh(collection, tmp_path / "fresh", SPLADE)


@pytest.mark.parametrize("what", ["add", "update_fields"])
def test_what_was_encoded_by_the_old_model_is_encoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A document is encoded, all others are changed over, and only then is it written."""
    with create(tmp_path / "collection") as collection:
        real = DocumentEncoder.encode

        def encode(self: DocumentEncoder, *arguments: Any) -> Any:
            found = real(self, *arguments)
            monkeypatch.setattr(DocumentEncoder, "encode", real)
            collection.reindex(DOC)
            return found

        monkeypatch.setattr(DocumentEncoder, "encode", encode)
        if what == "add":
            assert collection.add(document(70)).created == 1
        else:
            collection.update_fields("d10", {"version": 9})
        assert collection.snapshot.encoder is not None and DOC.endswith(collection.snapshot.encoder["model"][-10:])
        check_as_fresh(collection, tmp_path / "fresh", DOC)


def test_what_was_opened_before_stays_what_it_is(tmp_path: Path) -> None:
    """A retriever never searches one model's vectors with another's queries."""
    with create(tmp_path / "collection") as collection:
        before = answers(collection)
        retrievers = [collection.retriever, Retriever.open(collection.path), Retriever.open(collection.path)]
        assert answers(retrievers[1]) == before
        live, reader = LiveRetriever.follow(collection.path, every=0), CollectionReader(collection.path, every=0)
        opened = live.now
        held = reader.snapshot()
        collection.reindex(DOC)
        for retriever in (*retrievers, opened):
            assert answers(retriever) == before
        assert live.now.encoder.inference_free and not opened.encoder.inference_free
        assert answers(live) == answers(collection) != before
        assert reader.snapshot().encoder != held.encoder
        # A model that was named is the caller's own, and has to fit.
        named = LiveRetriever.follow(collection.path, every=0, model=DOC)
        assert answers(named) == answers(collection)
        with pytest.raises(ModelError, match="is not the model that made this index"):
            collection.reindex("lsr-doc-tiny")
            answers(named)


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("back", [False, True])
def test_a_run_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, back: bool) -> None:
    """Wherever it is stopped, and whatever is written before it goes on, also by another process."""
    path = tmp_path / "collection"
    names = ("_compare_all", "_catch_up", "_compare", "_become", "remove_version", "encode")
    name = names[at]
    with create(path) as collection:
        if back:
            collection.reindex(DOC, keep=True)
            collection.add([document(number, 3) for number in range(5, 25)])

        def run() -> None:
            if back:
                collection.go_back(keep=True)
            else:
                collection.reindex(DOC, keep=True)

        def stop(*arguments: Any, **options: Any) -> Any:
            raise KeyboardInterrupt

        where: Any = DocumentEncoder if name == "encode" else reindexing
        if name == "remove_version" and not back:
            # Begun anew: only the one at the end is to fail.
            real = reindexing.remove_version
            monkeypatch.setattr(
                where, name, lambda folder: stop() if (folder / "manifest.json").exists() else real(folder)
            )
        else:
            monkeypatch.setattr(where, name, stop)
        with pytest.raises(KeyboardInterrupt):
            run()
        monkeypatch.undo()
        assert verify(path) == [] and (path / COMING).exists()
    with Collection.open(path, policy=SMALL) as collection:
        published = name == "remove_version"
        assert ("table" in str(collection.snapshot.encoder)) is (published != back)
        if not published:
            collection.add(document(90))
            collection.delete("d9")
        run()
        assert ("table" in str(collection.snapshot.encoder)) is not back
        check_as_fresh(collection, tmp_path / "fresh", SPLADE if back else DOC)
        # What was kept is the version that was left, and not the new one.
        collection.go_back()
        check_as_fresh(collection, tmp_path / "other", DOC if back else SPLADE)


def test_another_model_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with create(tmp_path / "collection") as collection:
        with monkeypatch.context() as patched:
            patched.setattr(reindexing, "_catch_up", lambda *given: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                collection.reindex("bm25")
        collection.reindex(DOC)
        check_as_fresh(collection, tmp_path / "fresh", DOC)
        with monkeypatch.context() as patched:
            patched.setattr(reindexing, "_catch_up", lambda *given: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                collection.reindex("bm25")
        # A version of which files were lost.
        next((collection.path / COMING).glob("log-*")).unlink()
        collection.reindex("bm25")
        check_as_fresh(collection, tmp_path / "other", "bm25")


def test_an_empty_collection(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    with create(path, count=0) as collection:
        reader = CollectionReader(path, every=0)
        collection.reindex(DOC, keep=True)
        assert len(collection) == 0 and not reader.snapshot().documents.rows
        collection.add([document(number) for number in range(5)])
        check_as_fresh(collection, tmp_path / "fresh", DOC)
        collection.go_back()
        check_as_fresh(collection, tmp_path / "other", SPLADE)
        assert len(list(path.glob("vocabulary-*"))) <= 1


def test_nobody_else_writes_or_reindexes_meanwhile(tmp_path: Path) -> None:
    with create(tmp_path / "collection") as collection:
        errors: list[str] = []

        def others(count: int) -> None:
            for work in (lambda: Collection.open(collection.path), lambda: collection.reindex("bm25")):
                with pytest.raises(OutputExistsError) as error:
                    work()
                errors.append(error.value.problem)

        collection.reindex(DOC, progress=others)
        assert "reindexes this collection, and one can at a time" in errors[0]
        assert "another thread is making a new version" in errors[1]
        with pytest.raises(OutputExistsError, match="writes to this collection"):
            Collection.open(collection.path)


def test_what_cannot_be_encoded_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "vectors"
    with IndexBuilder(path, dim=3) as builder:
        builder.add(SparseVectors.from_rows([(np.array([1]), np.array([1.0], np.float32))], ["a"], 3))
        builder.finish()
    with Collection.open(path) as collection:
        with pytest.raises(InputError, match="its documents have no texts"):
            collection.reindex(DOC)
        with pytest.raises(ModelError, match="no model 'nope'"):
            collection.reindex("nope")
    assert not (path / COMING).exists()
    with create(tmp_path / "collection") as collection:
        before = answers(collection)
        real = DocumentEncoder.encode

        def encode(self: DocumentEncoder, documents: Any, *arguments: Any) -> Any:
            puts, refused = real(self, documents, *arguments)
            return puts[1:], [*refused, Refused(documents[0].id, "too heavy")]

        with monkeypatch.context() as patched:
            patched.setattr(DocumentEncoder, "encode", encode)
            with pytest.raises(InputError, match="document 'd0' cannot be encoded by this model: too heavy"):
                collection.reindex(DOC)
        assert answers(collection) == before


def test_an_index_in_its_place_leaves_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "collection"
    with create(path) as collection:
        collection.reindex(DOC, keep=True)
    with IndexBuilder(path, dim=3, force=True) as builder:
        builder.add(SparseVectors.from_rows([(np.array([1]), np.array([1.0], np.float32))], ["a"], 3))
        builder.finish()
    assert len(Index.open(path)) == 1
    left = {each.name.split("-")[0] for each in path.iterdir()}
    assert left == {"manifest.json", "segment", "writer.lock"}
