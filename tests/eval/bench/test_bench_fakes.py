"""How peers are asked and what is made of their answers, with stand-ins for their packages."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lsr.eval.bench import BuiltIndex, Configuration, Effort, LeftOut, Queries
from lsr.eval.bench.engines.kannolo import OpenKannolo
from lsr.eval.bench.engines.pisa import PisaEngine
from lsr.eval.bench.engines.sindi import OpenSindi
from lsr.eval.bench.vectors import below
from lsr.vectors.sparse import SparseVectors

VECTORS = SparseVectors.from_rows([([0, 3], [1, 2]), ([], []), ([9], [1])], dim=10)
QUERIES = Queries(VECTORS, (np.array([0, 2]), np.array([1])), np.array([1, 0, 0], np.float32))


class Recorder:
    """An index of either package: keeps how it was asked, answers with `answer`."""

    def __init__(self, *arguments: Any) -> None:
        self.asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Any = None

    def load(self, path: str, graph_type: str = "") -> Recorder:
        return self

    def search(self, *arguments: Any, **named: Any) -> Any:
        self.asked.append((arguments, named))
        return self.answer

    knn_search = batch_search = search


def open_kannolo(monkeypatch: pytest.MonkeyPatch, kind: str) -> tuple[OpenKannolo, Recorder]:
    index = Recorder()
    monkeypatch.setitem(sys.modules, "kannolo", SimpleNamespace(**{kind: index}))
    return OpenKannolo(BuiltIndex(Path("nowhere"), 1, 1.0, {"kind": kind, "terms": 4}), QUERIES), index


def test_kannolo_is_not_asked_for_terms_that_would_end_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, index = open_kannolo(monkeypatch, "SparsePlainHNSW")
    search = opened.searcher(5, Configuration("approximate", {"ef_search": 7}))
    for query in range(3):
        search(query)
    assert [terms.tolist() for (terms, _), _ in index.asked] == [[0, 3], [], []]
    assert all(terms.dtype == np.int32 and weights.dtype == np.float32 for (terms, weights), _ in index.asked)
    assert [named for _, named in index.asked] == [{"k": 5, "ef_search": 7}] * 3
    batch = opened.batch(5, Configuration("approximate", {"ef_search": 7}), 0, 2)
    batch()
    (terms, weights, starts), named = index.asked[-1]
    assert (terms.tolist(), weights.tolist(), starts.tolist()) == ([0, 3], [1, 2], [0, 2, 2])
    assert named == {"k": 5, "ef_search": 7, "num_threads": 2}


def test_what_kannolo_fills_up_with_is_no_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, _ = open_kannolo(monkeypatch, "SparsePlainHNSW")
    scores, rows = np.array([2.5, 0.5, 0.0, np.inf], np.float32), np.array([8, 4, 6, -1])
    assert opened.rows((scores, rows)) == [8, 4]


@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize("kind", ["SparsePlainHNSW", "SparseRerankHNSW"])
def test_graphs_are_asked_for_as_many_as_are_wanted(kind: str, effort: Effort, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, _ = open_kannolo(monkeypatch, kind)
    for k in (10, 100):
        tried = [each.parameters for each in opened.configurations(k, effort)]
        assert all(each["ef_search"] >= each.get("k_candidates", k) >= k for each in tried)
        assert all(("k_candidates" in each) == (kind == "SparseRerankHNSW") for each in tried)
        assert any("early_exit_threshold" in each for each in tried)


def open_sindi(monkeypatch: pytest.MonkeyPatch, folder: Path, **settings: Any) -> tuple[OpenSindi, Recorder]:
    index = Recorder()
    package = SimpleNamespace(Index=lambda *_: index, set_logger_off=lambda: None)
    monkeypatch.setitem(sys.modules, "pyvsag", package)
    np.save(folder / "frequencies.npy", np.array([1, 0, 0, 2, 0, 0, 0, 0, 0, 0]))
    lists = {"doc_prune_ratio": 0.0, "use_reorder": False, **settings}
    return OpenSindi(BuiltIndex(folder, 1, 1.0, {"index": {"index_param": lists}, "documents": 7}), QUERIES), index


def test_sindi_is_asked_for_no_more_than_there_can_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened, index = open_sindi(monkeypatch, tmp_path)
    search = opened.searcher(5, Configuration("exact", {"query_prune_ratio": 0.0}))
    assert search(1) is None and search(2) is None and index.asked == []
    search(0)
    (((starts, terms, weights, k, parameters), _),) = index.asked
    assert (starts.tolist(), terms.tolist(), weights.tolist(), k) == ([0, 2], [0, 3], [1, 2], 3)
    assert parameters == '{"sindi": {"query_prune_ratio": 0.0, "use_term_lists_heap_insert": false}}'


def test_what_sindi_leaves_in_memory_is_no_hit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened, _ = open_sindi(monkeypatch, tmp_path)
    assert opened.rows((np.array([[6, 2, 6, -3, 7]]), None)) == [6, 2] and opened.rows(None) == []


def test_sindi_is_exact_where_nothing_is_pruned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for settings, exact in (({}, 1), ({"doc_prune_ratio": 0.4}, 0), ({"use_reorder": True}, 0)):
        opened, _ = open_sindi(monkeypatch, tmp_path, **settings)
        tried = opened.configurations(10, Effort.full)
        assert sum(each.mode == "exact" for each in tried) == exact
        assert all(("n_candidate" in each.parameters) == ("use_reorder" in settings) for each in tried)
        assert opened.batch(10, tried[0], 0, 2) is None and opened.batch(10, tried[0], 0, 1) is not None


def test_pisa_without_its_library_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from lsr.eval.bench.engines import pisa

    monkeypatch.setattr(pisa.metadata, "version", lambda name: "1.0")
    monkeypatch.setattr(pisa.metadata, "files", lambda name: [])
    assert PisaEngine().version == "1.0"
    pisa._module.cache_clear()
    with pytest.raises(LeftOut, match=r"tbb is installed without its file libtbb\.\*\.so\.2"):
        pisa._module()


def test_vectors_below_a_term() -> None:
    cut = below(VECTORS, 3)
    assert [cut.row(i)[0].tolist() for i in range(3)] == [[0], [], []]
    assert cut.weights.tolist() == [1]
