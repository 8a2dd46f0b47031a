"""An engine that is added from outside: an entry in the registry is all that it takes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from index_oracle import Oracle, random_vectors
from toys import Toy, ToyParameters

from lsr.core.attributes import attribute_docs
from lsr.core.errors import InputError
from lsr.index import Index
from lsr.index.engines.hits import SearchStats
from lsr.index.engines.registry import ENGINES

VECTORS = random_vectors(300, 60)


@pytest.fixture
def index(build: Callable[..., Index], monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setitem(ENGINES, "toy", Toy())
    return build(VECTORS)


def test_it_is_searched_by_name(index: Index) -> None:
    oracle = Oracle.of(VECTORS, 8)
    terms, weights = [3, 5, 41], [1.0, 0.5, 2.0]
    hits = index.search(terms, weights, 7, mode="toy")
    assert (hits.rows.tolist(), hits.scores.tolist()) == oracle.search(terms, weights, 7)
    assert hits.stats == SearchStats("toy", documents_scored=300)
    assert hits.scores.tolist() == index.search(terms, weights, 7).scores.tolist()


def test_its_parameters_count(index: Index) -> None:
    queries = random_vectors(5, 60, seed=1)
    for hits in index.search_batch(queries, 20, mode="toy", share=0.1):
        assert hits.stats.documents_scored == 30 and (hits.rows < 30).all()


def test_a_filter_counts(index: Index) -> None:
    mask = np.arange(300) % 3 == 0
    hits = index.search([3, 5], [1.0, 1.0], 300, mode="toy", allow=mask)
    assert hits.stats.documents_scored == 100
    assert hits.rows.tolist() == index.search([3, 5], [1.0, 1.0], 300, allow=mask).rows.tolist()


def test_wrong_parameters_are_refused_with_the_nearest_name(index: Index) -> None:
    with pytest.raises(InputError, match=r"share must lie in \(0, 1\], not 2"):
        index.search([3], [1.0], mode="toy", share=2)
    with pytest.raises(InputError, match=r"'shares': is not a parameter of mode 'toy'; did you mean share\?"):
        index.search([3], [1.0], mode="toy", shares=0.5)
    with pytest.raises(
        InputError, match="'heap_facter': is not a parameter of mode 'approximate'; did you mean heap_factor"
    ):
        index.search([3], [1.0], mode="approximate", heap_facter=1.0)
    with pytest.raises(InputError, match="'query_cut': is not a parameter of mode 'exact'; it has none"):
        index.search([3], [1.0], mode="exact", query_cut=1)


def test_it_is_named_and_warmed_up(index: Index) -> None:
    assert index.sparse.modes[-1] == "toy" and index.describe()["modes"][-1] == "toy"
    index.sparse.warm_up()
    with pytest.raises(InputError, match=r"mode must be auto, exact, .*, bmp, toy, not 'toys'"):
        index.search([3], [1.0], mode="toys")


def test_what_it_needs_must_be_there(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "needs", ("bmp",))
    assert "toy" not in index.sparse.modes
    with pytest.raises(InputError, match="built without bmp, which mode toy needs"):
        index.search([3], [1.0], mode="toy")


def test_direct_search_cannot_be_asked_for(index: Index) -> None:
    assert "direct" not in index.sparse.modes
    with pytest.raises(InputError, match="not 'direct'"):
        index.search([3], [1.0], mode="direct")


@pytest.mark.parametrize("name", ENGINES)
def test_every_parameter_is_explained_and_has_a_default(name: str) -> None:
    parameters = ENGINES[name].Parameters
    assert attribute_docs(parameters).keys() == parameters.__dataclass_fields__.keys()
    assert all(text.endswith(".") for text in attribute_docs(parameters).values())
    parameters()


def test_the_explanation_of_a_parameter_is_one_line() -> None:
    assert attribute_docs(ToyParameters) == {"share": "In (0, 1]. Share of the rows, the first ones, that are scored."}
