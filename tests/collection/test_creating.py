"""What `Collection.create` is told of words."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from lsr import Collection
from lsr.core.documents import Document
from lsr.core.errors import InputError, OutputExistsError
from lsr.index import Index
from lsr.index.format.output import check_index_output
from lsr.search.lexical import store_synonyms


@pytest.mark.parametrize(
    "given",
    [
        {"lexical_weight": 2.0},
        {"language": "german"},
        {"never_split": [".NET"]},
        {"mean_length": 50.0},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_is_said_of_words_that_are_left_out_is_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is of words, which are left out here") as raised:
        Collection.create(tmp_path / "made", lexical=False, **given)
    assert raised.value.field == next(iter(given))
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("given", [{"lexical": False}, {"lexical_weight": 2.0}], ids=str)
def test_words_alone_are_neither_left_out_nor_weighed(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="with bm25, words are all that there is") as raised:
        Collection.create(tmp_path / "made", model="bm25", **given)
    assert raised.value.field == next(iter(given))


def test_the_weight_of_words_is_that_of_its_searches(tmp_path: Path) -> None:
    with Collection.create(tmp_path / "made", lexical_weight=0.5) as made:
        made.add([Document("tern", "A seabird that flies south"), Document("rock", "A stone")])
        said, own = made.search("seabird", lexical_weight=0.5).hits, made.search("seabird").hits
        assert [hit.score for hit in said] == [hit.score for hit in own]
        assert made.search("seabird", lexical_weight=1.0).hits[0].score > own[0].score


def test_a_full_disk_is_named_and_the_same_is_given_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr("lsr.index.live.log.writer.write_all", full)
        with pytest.raises(OSError) as raised:
            Collection.create(tmp_path / "made", model="bm25")
    assert raised.value.errno == errno.ENOSPC and Path(raised.value.filename).parent == (tmp_path / "made")
    with Collection.create(tmp_path / "made", model="bm25") as made:
        made.add([Document("tern", "A seabird that flies south")])
        assert [hit.id for hit in made.search("seabird").hits] == ["tern"]


def test_an_index_may_be_built_where_a_creation_failed(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").touch()
    check_index_output(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OutputExistsError):
        check_index_output(tmp_path)


def test_an_empty_collection_keeps_synonyms(tmp_path: Path) -> None:
    Collection.create(tmp_path / "made", model="bm25").close()
    store_synonyms(Index.open(tmp_path / "made"), ["fiddle, violin"])
    with Collection.open(tmp_path / "made") as made:
        made.add([Document("v", "a violin"), Document("h", "a horn")])
        assert [hit.id for hit in made.search("fiddle").hits] == ["v"]
        made.compact()
        assert [hit.id for hit in made.search("fiddle").hits] == ["v"]
    Collection.create(tmp_path / "without", lexical=False).close()
    with pytest.raises(InputError, match="holds no words"):
        store_synonyms(Index.open(tmp_path / "without"), ["fiddle, violin"])
