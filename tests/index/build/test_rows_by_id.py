"""Rows that go by id: an index is the same whatever the order in which its documents were added."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_tampering import edit_array, edit_manifest

from lsr.core.documents import Document
from lsr.core.errors import IndexFormatError, InputError
from lsr.index import BmpSettings, Index, IndexBuilder, IndexSettings, SeismicSettings, add_dense, verify
from lsr.index.build.export import iter_vectors
from lsr.index.build.prune import prune_index
from lsr.index.fusion.grouping import search_documents
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import FusionSettings, RetrievalPlan, RetrieveSettings
from lsr.index.live.upgrade import upgrade_index
from lsr.text.windows import WindowSettings, window_id
from lsr.vectors.pruning import TopK
from lsr.vectors.sparse import SparseVectors

TERMS, DIM = 40, 4
EVERYTHING = {"seismic": SeismicSettings(), "bmp": BmpSettings(8)}
# Bytes, code points, UTF-16 and numbers put these in different orders.
ODD = ["!", "#", "a", "a!", "a#0", "a0", "B", "é", "e\u0301", "\uff5e", "\U0001f600", "10", "9", "d2 ", "d2\x00"]
WINDOWS = WindowSettings(score="sum", words=5, stride=4, top=2)
Row = tuple[list[int], list[float]]


def drawn(count: int) -> list[Row]:
    """Rows of few terms and weights, so that there are ties, and some without terms."""
    random = np.random.default_rng(1)
    rows = []
    for _ in range(count):
        terms = np.sort(random.choice(TERMS, random.integers(0, 6), replace=False))
        rows.append((terms.tolist(), random.integers(1, 3, len(terms)).astype(float).tolist()))
    return rows


def whole(count: int = 700) -> dict[str, Row]:
    ids = [*ODD, *(f"d{number}" for number in range(count - len(ODD)))]
    return dict(zip(ids, drawn(count), strict=True))


def windows(count: int = 60) -> list[list[tuple[str, Row]]]:
    """Windows of documents, one document after another: up to 12, so that "d#10" comes after "d#2"."""
    lengths = np.random.default_rng(2).integers(1, 13, count).tolist()
    names, rows = [*ODD, *(f"d{number}" for number in range(count - len(ODD)))], iter(drawn(sum(lengths)))
    return [
        [(window_id(name, number), next(rows)) for number in range(length)]
        for name, length in zip(names, lengths, strict=True)
    ]


def build(path: Path, rows: Sequence[tuple[str, Row]], *, by_id: bool = True, **options: Any) -> Index:
    vectors = SparseVectors.from_rows([row for _, row in rows], [id for id, _ in rows], dim=TERMS)
    documents = [Document(id, f"text of {id}", f"title {id}", {"id": id}) for id, _ in rows]
    settings = IndexSettings(**{**EVERYTHING, **options.pop("settings", {})})
    with IndexBuilder(path, dim=TERMS, by_id=by_id, settings=settings, **options) as builder:
        for start in range(0, len(rows), 64):
            builder.add(vectors[start : start + 64], documents[start : start + 64])
        return builder.finish()


def shuffled(values: Sequence[Any], seed: int = 0) -> list[Any]:
    return [values[place] for place in np.random.default_rng(seed).permutation(len(values))]


def of_windows(path: Path, documents: Sequence[list[tuple[str, Row]]], **options: Any) -> Index:
    return build(path, [row for each in documents for row in each], windows=WINDOWS, **options)


def files(index: Index) -> dict[str, bytes]:
    """The files of an index but those that say how documents were added."""
    folder = index.path / index.manifest.segment
    added = {"documents.arrow", "document_places.npy"}
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name not in added}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, Index]:
    """An index of documents as they came, and one of the same, added in the order of their ids."""
    folder, rows = tmp_path_factory.mktemp("whole"), list(whole().items())
    in_order = sorted(rows, key=lambda row: row[0].encode())
    return build(folder / "shuffled", shuffled(rows)), build(folder / "sorted", in_order, by_id=False)


@pytest.fixture(scope="module")
def pair_of_windows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, Index]:
    folder, documents = tmp_path_factory.mktemp("windows"), windows()
    in_order = sorted(documents, key=lambda rows: rows[0][0].removesuffix("#0").encode())
    return of_windows(folder / "shuffled", shuffled(documents)), of_windows(folder / "sorted", in_order, by_id=False)


@pytest.mark.parametrize("pair_name", ["pair", "pair_of_windows"])
def test_the_order_of_adding_leaves_no_trace(pair_name: str, request: pytest.FixtureRequest) -> None:
    """Positions, blocks and tables too: so every mode, approximate ones as well, answers alike."""
    one, other = request.getfixturevalue(pair_name)
    assert files(one) == files(other)
    assert verify(one.path) == verify(other.path) == []
    assert (
        "document_places.npy" in one.segments[0].record.files
        and "document_places.npy" not in other.segments[0].record.files
    )
    for row in range(len(one)):
        assert one.documents.at(row) == other.documents.at(row)
    if one.documents.windows is None:
        assert [one.documents.get(id) for id in ODD] == [other.documents.get(id) for id in ODD]
    assert one.segments[0].record.windows == other.segments[0].record.windows and len(one.documents) == len(
        other.documents
    )


def test_hand_computed(tmp_path: Path) -> None:
    """By bytes: an upper-case letter before lower-case ones, a letter with an accent after all others."""
    rows: list[tuple[str, Row]] = [("é", ([1], [1.0])), ("b", ([1], [1.0])), ("a", ([0], [2.0])), ("B", ([1], [1.0]))]
    index = build(tmp_path / "index", rows)
    assert index.documents.row_ids(np.arange(4)) == ["B", "a", "b", "é"]
    assert [index.documents.row(id) for id in ("é", "b", "a", "B")] == [3, 2, 1, 0]
    assert [index.documents.at(row).text for row in range(4)] == [f"text of {id}" for id in ("B", "a", "b", "é")]
    assert index.vector(1)[0].tolist() == [0] and index.vector(3)[0].tolist() == [1]
    for mode in index.sparse.modes:
        assert index.search([1], [1.0], mode=mode).ids == ["B", "b", "é"]
    assert index.search([1], [1.0], 1, allow=np.array([False, True, True, True])).ids == ["b"]
    assert index.documents.as_added().tolist() == [3, 2, 1, 0]
    assert [each for batch in iter_vectors(index, as_added=True) for each in batch.ids] == ["é", "b", "a", "B"]
    places = np.load(index.path / index.manifest.segment / "document_places.npy")
    assert places.dtype == np.uint32 and places.tolist() == [3, 2, 1, 0]


def test_windows_of_a_document_stay_together_in_the_order_of_their_numbers(
    pair_of_windows: tuple[Index, Index],
) -> None:
    index, _ = pair_of_windows
    ids = sorted((rows[0][0].removesuffix("#0") for rows in windows()), key=str.encode)
    lengths = {rows[0][0].removesuffix("#0"): len(rows) for rows in windows()}
    assert index.documents.row_ids(np.arange(len(index))) == [
        window_id(id, number) for id in ids for number in range(lengths[id])
    ]
    assert index.documents.windows is not None
    numbers = np.repeat(np.arange(len(ids)), [lengths[id] for id in ids])
    assert index.documents.windows.row_documents.tolist() == numbers.tolist()


def asked(seed: int) -> HybridQuery:
    random = np.random.default_rng(seed)
    terms = np.sort(random.choice(TERMS, 3, replace=False)).astype(np.uint32)
    return HybridQuery((terms, random.integers(1, 3, 3).astype(np.float32)), np.ones(DIM, np.float32))


PLANS = {
    "sparse": RetrievalPlan(),
    "hybrid": RetrievalPlan(retrieve=RetrieveSettings(mode="hybrid", depth=100), fusion=FusionSettings()),
    "rrf": RetrievalPlan(retrieve=RetrieveSettings(mode="hybrid", depth=100), fusion=FusionSettings(method="rrf")),
    "dense": RetrievalPlan(retrieve=RetrieveSettings(mode="dense")),
}


def with_dense(index: Index) -> Index:
    """With few different vectors, so that there are ties."""
    ids = index.documents.row_ids(np.arange(len(index)))
    vectors = np.array([[len(id) % 3, len(id) % 2, 1, 0] for id in ids], np.float32)
    return add_dense(index, [vectors], similarity="dot", force=True)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("pair_name", ["pair", "pair_of_windows"])
def test_ties_come_in_the_order_of_ids(pair_name: str, plan: str, request: pytest.FixtureRequest) -> None:
    one, other = map(with_dense, request.getfixturevalue(pair_name))
    ties = 0
    for seed in range(6):
        for search in (search_rows, search_documents):
            hits, again = (search(index, asked(seed), 40, PLANS[plan]) for index in (one, other))
            assert (hits.rows.tolist(), hits.scores.tolist()) == (again.rows.tolist(), again.scores.tolist())
            ids, scores = one.documents.ids(hits.rows), hits.scores.tolist()
            for at in range(1, len(ids)):
                if scores[at - 1] == scores[at]:
                    ties += 1
                    assert ids[at - 1].encode() <= ids[at].encode()
    assert ties > 20


def test_every_mode_breaks_ties_by_id(pair: tuple[Index, Index]) -> None:
    for mode in pair[0].sparse.modes:
        for seed in range(6):
            terms, weights = asked(seed).sparse
            hits, again = (index.search(terms, weights, 200, mode=mode) for index in pair)
            assert hits.ids == again.ids and hits.scores.tolist() == again.scores.tolist()
            keys = [(-score, id.encode()) for id, score in hits]
            assert keys == sorted(keys) and len(keys) > 20


def test_one_that_was_added_in_order_has_no_places(tmp_path: Path) -> None:
    rows = sorted(whole(100).items(), key=lambda row: row[0].encode())
    index = build(tmp_path / "index", rows)
    assert "document_places.npy" not in index.segments[0].record.files and index.documents.as_added().tolist() == [
        *range(100)
    ]


@pytest.mark.parametrize("settings", [{"reorder": False}, {"weight_bits": 16}, {"weight_bits": 24}])
def test_other_settings(tmp_path: Path, settings: dict[str, Any]) -> None:
    rows = list(whole(300).items())
    in_order = sorted(rows, key=lambda row: row[0].encode())
    one = build(tmp_path / "one", shuffled(rows), settings=settings)
    assert files(one) == files(build(tmp_path / "other", in_order, settings=settings)) and verify(one.path) == []


def test_of_very_many_terms(tmp_path: Path) -> None:
    dim = 200_000
    random, ids = np.random.default_rng(5), [f"d{number}" for number in range(300)]
    rows = {id: (np.sort(random.choice(dim, 20, replace=False)), random.random(20) + 0.1) for id in ids}

    def make(path: Path, order: list[str]) -> Index:
        with IndexBuilder(path, dim=dim, rare_last=True, by_id=True) as builder:
            builder.add(SparseVectors.from_rows([rows[id] for id in order], order, dim=dim))
            return builder.finish()

    one, other = make(tmp_path / "one", shuffled(ids)), make(tmp_path / "other", sorted(ids))
    assert files(one) == files(other) and "forward_rare_turns.npy" in files(one) and verify(one.path) == []
    assert one.vector(one.documents.row("d7"))[0].tolist() == rows["d7"][0].tolist()


def test_repeated_ids_are_named_by_where_they_were_added(tmp_path: Path) -> None:
    """Rows of those who add them: the order by id is not known to them yet."""
    with (
        pytest.raises(InputError, match="id 'b' is used twice: in row 0 and in row 2"),
        IndexBuilder(tmp_path / "index", dim=TERMS, by_id=True) as builder,
    ):
        for ids in (["b", "a"], ["b"]):
            builder.add(SparseVectors.from_rows([([], [])] * len(ids), ids, dim=TERMS))
        builder.finish()
    assert not (tmp_path / "index").exists()


def test_nothing_is_left_of_the_order(tmp_path: Path) -> None:
    index = of_windows(tmp_path / "index", shuffled(windows(20)))
    folder = index.path / index.manifest.segment
    assert {path.name for path in folder.iterdir()} == set(index.segments[0].record.files)
    with IndexBuilder(tmp_path / "other", dim=TERMS, by_id=True, windows=WINDOWS) as builder:
        builder.add(SparseVectors.from_rows([([], [])], ["a#0"], dim=TERMS))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("pair_name", ["pair", "pair_of_windows"])
def test_a_pruned_copy_keeps_its_rows_and_how_they_came(
    pair_name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    index = with_dense(request.getfixturevalue(pair_name)[0])
    pruned = prune_index(index, tmp_path / "pruned", TopK(3))
    rows = np.arange(len(index))
    assert verify(pruned.path) == [] and pruned.documents.row_ids(rows) == index.documents.row_ids(rows)
    assert [pruned.documents.at(row) for row in rows.tolist()] == [index.documents.at(row) for row in rows.tolist()]
    assert pruned.documents.as_added().tolist() == index.documents.as_added().tolist()
    plan, query = PLANS["dense"], asked(0)
    assert search_rows(pruned, query, 9, plan).rows.tolist() == search_rows(index, query, 9, plan).rows.tolist()


def test_an_upgrade_leaves_it_as_it_is(tmp_path: Path) -> None:
    index = build(tmp_path / "index", shuffled(list(whole(50).items())))
    assert not upgrade_index(index.path).changed and verify(index.path) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda places: places.__setitem__(0, places[1]), "document_places.npy: not every place occurs exactly once"),
        (lambda places: places.__setitem__(0, len(places)), "document_places.npy: a number is not below 100"),
        (lambda places: places.__setitem__(slice(None), places[::-1].copy()), "documents.arrow: the id of row"),
    ],
)
def test_damage_is_found(tmp_path: Path, change: Any, says: str) -> None:
    index = build(tmp_path / "index", shuffled(list(whole(100).items())))
    edit_array(index, "document_places.npy", change)
    assert any(says in problem for problem in verify(index.path))


def test_places_that_are_missing_or_too_few(tmp_path: Path) -> None:
    index = build(tmp_path / "index", shuffled(list(whole(100).items())))
    path = index.path / index.manifest.segment / "document_places.npy"
    path.unlink()
    with pytest.raises(IndexFormatError, match=r"document_places\.npy"):
        Index.open(index.path)
    # A manifest that knows nothing of them: documents in other rows.
    edit_manifest(index.path, lambda record: record["files"].pop("document_places.npy"))
    assert any("documents.arrow: the id of row" in problem for problem in verify(index.path))
