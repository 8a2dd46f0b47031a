"""What `Index` and its settings were called in lsr 0.1."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsr.index import Index, IndexBuilder, IndexSettings
from lsr.index.live.moved import MOVED
from lsr.vectors.sparse import SparseVectors


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    vectors = SparseVectors.from_rows([([0, 2], [1, 2]), ([1], [3])], ["a", "b"], dim=3)
    with IndexBuilder(tmp_path_factory.mktemp("moved") / "index", dim=3) as builder:
        builder.add(vectors)
        return builder.finish()


@pytest.mark.parametrize(
    "name", sorted(set(MOVED) - {"dense", "late", "space", "document_frequencies", "token_frequencies"})
)
def test_an_old_member_gives_what_the_new_one_does(index: Index, name: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"^Index.{name} is now "):
        old = getattr(index, name)
    assert old == MOVED[name].get(index)
    assert name not in dir(index)


def test_old_members_work(index: Index) -> None:
    with pytest.warns(DeprecationWarning):
        assert index.document("b").id == "b" and index.row("b") == 1  # type: ignore[attr-defined]
    with pytest.warns(DeprecationWarning):
        assert index.space() == index.describe()["bytes"]  # type: ignore[attr-defined]
    with pytest.warns(DeprecationWarning):
        assert index.document_frequencies.tolist() == [1, 1, 1]  # type: ignore[attr-defined]
    with pytest.warns(DeprecationWarning):
        assert index.token_frequencies is None  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="'Index' object has no attribute 'nothing'"):
        _ = index.nothing  # type: ignore[attr-defined]


def test_the_old_setting_is_the_new_one(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="dense_share of IndexSettings is now frequent_share"):
        assert IndexSettings(dense_share=0.2) == IndexSettings(frequent_share=0.2)  # type: ignore[call-arg]
