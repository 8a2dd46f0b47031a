"""txtai's Embeddings over a collection: alone, with what it stores, saved and loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("txtai", reason="needs txtai")

from txtai import Embeddings

from lsr import Collection
from lsr.core.errors import InputError
from lsr.integrations.txtai import METHOD, LsrScoring

TEXTS = ["Owls hunt at night.", "Terns migrate.", "Storks migrate over land."]
SCORING = {"method": METHOD, "terms": True, "model": "bm25"}


@pytest.fixture
def embeddings() -> Iterator[Any]:
    with Embeddings({"content": True, "defaults": False, "scoring": SCORING}) as made:
        made.index(TEXTS)
        yield made


def test_search_is_that_of_a_collection(embeddings: Any, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "ours", model="bm25") as ours:
        from lsr import Document

        ours.add([Document(str(number), text) for number, text in enumerate(TEXTS)])
        hits = ours.search("terns that migrate", 3).hits
    found = embeddings.search("terns that migrate", 3)
    assert [(each["id"], each["text"], each["score"]) for each in found] == [
        (hit.id, hit.document.text, pytest.approx(float(hit.score))) for hit in hits
    ]
    assert [each["id"] for each in found] == ["1", "2"] and embeddings.count() == 3


def test_documents_come_and_go(embeddings: Any) -> None:
    embeddings.upsert([("auk", "Auks dive.", None)])
    assert embeddings.search("auks", 1)[0]["id"] == "auk"
    embeddings.delete([1])
    assert [each["id"] for each in embeddings.search("terns migrate", 3)] == ["2"]


def test_saved_and_loaded(embeddings: Any, tmp_path: Path) -> None:
    embeddings.save(str(tmp_path / "saved"))
    before = embeddings.search("migrate", 3)
    with Embeddings() as loaded:
        loaded.load(str(tmp_path / "saved"))
        assert loaded.search("migrate", 3) == before and len(before) == 2
        loaded.upsert([("more", "Geese migrate.", None)])
        assert len(loaded.search("migrate", 5)) == 3
    with Embeddings() as again:  # what was not saved is not there
        again.load(str(tmp_path / "saved"))
        assert again.search("migrate", 5) == before
    with pytest.raises(InputError, match="no saved index"):
        LsrScoring(dict(SCORING)).load(str(tmp_path / "none"))


def test_forms_of_documents_and_scores() -> None:
    scoring = LsrScoring(SCORING | {"normalize": True})
    scoring.insert([(0, {"text": "owls hunt"}, None), (1, ["owls", "and", "terns"], None), (2, None, None)])
    assert scoring.count() == 2
    found = scoring.batchsearch(["owls hunt"], 5)[0]
    assert [id for id, _ in found] == [0, 1] and found[0][1] == 1.0 > found[1][1] > 0
    folder = scoring._folder
    scoring.close()
    assert not folder.exists()
