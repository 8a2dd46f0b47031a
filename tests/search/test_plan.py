"""The plan of a search: its defaults, its checks, its flat keywords, its record, its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lsr import Retriever
from lsr.core.errors import InputError, MissingInputError
from lsr.core.options import options_of
from lsr.index.engines.registry import ENGINES
from lsr.index.fusion.feedback import FEEDBACK_METHODS, FeedbackMethod, sparse_feedback
from lsr.index.fusion.methods import METHODS, FusionMethod, Normaliser, normaliser
from lsr.index.fusion.settings import FusionSettings, RetrieveSettings, SparseSearchSettings, modes
from lsr.search.flat import flat_options, plan_of
from lsr.search.plan import RerankSettings, SearchPlan
from lsr.search.reading import read_plan

# A value of each keyword that is not its default, and what must be given beside it.
GIVEN: dict[str, tuple[Any, dict[str, Any]]] = {
    "depth": (7, {"mode": "hybrid"}),
    "lexical_weight": (0.5, {}),
    "sparse_mode": ("seismic", {"mode": "sparse-first"}),
    "recall": (0.9, {}),
    "cut": (0.3, {"mode": "approximate"}),
    "heap_factor": (0.4, {"mode": "seismic"}),
    "max_blocks": (9, {}),
    "budget_us": (50.0, {"mode": "approximate"}),
    "query_cut": (3, {"mode": "seismic"}),
    "alpha": (0.5, {"mode": "bmp"}),
    "beta": (0.5, {"mode": "hybrid", "sparse_mode": "bmp"}),
    "dense_mode": ("exact", {"mode": "dense"}),
    "effort": (9, {"mode": "hybrid"}),
    "feedback": ("rm3", {}),
    "feedback_vectors": ("dense", {"mode": "hybrid", "feedback": "rm3"}),
    "feedback_documents": (9, {"feedback": "rocchio"}),
    "feedback_terms": (9, {"feedback": "rocchio"}),
    "feedback_query_weight": (0.1, {"feedback": "rocchio"}),
    "interpolate": ("both", {"mode": "hybrid", "feedback": "rocchio"}),
    "fusion": ("rrf", {"mode": "hybrid"}),
    "dense_weight": (0.1, {"mode": "sparse-first"}),
    "completion": ("exact", {"mode": "hybrid"}),
    "rank_constant": (7.0, {"mode": "hybrid", "fusion": "rrf"}),
    "rerank": ("a-model", {}),
    "rerank_depth": (9, {"rerank": "late"}),
    "rerank_weight": (0.5, {"mode": "dense", "rerank": "late"}),
    "filter": ('year >= 2020 and tags not in ("a")', {}),
    "min_score": (1.5, {}),
    "min_relevance": (0.5, {}),
    "count": (True, {}),
    "facets": ("lang, year:5", {"mode": "hybrid"}),
    "sort": ("-year, title", {}),
    "group_by": ("lang", {}),
}


def test_every_keyword_is_tried_here() -> None:
    assert list(GIVEN) == list(flat_options())


@pytest.mark.parametrize("name", GIVEN)
def test_a_keyword_reaches_its_field_and_survives_json(name: str) -> None:
    value, others = GIVEN[name]
    plan = plan_of(**{**others, name: value})
    found: Any = plan
    for part in flat_options()[name].path:
        found = getattr(found, part)
    assert found == value
    assert plan != plan_of(**others)
    again = SearchPlan.from_record(json.loads(json.dumps(plan.to_record())))
    assert again == plan and again.stages == plan.stages


@pytest.mark.parametrize("mode", [*modes()])
def test_a_mode_is_its_own_name(mode: str) -> None:
    plan = plan_of(mode)
    assert plan.mode == mode
    assert plan == SearchPlan.from_record({"mode": mode}) == SearchPlan.from_record(plan.to_record())


def test_what_is_left_out_has_its_default() -> None:
    assert plan_of() == SearchPlan() == SearchPlan.from_record({}) == plan_of("auto", cut=None, fusion=None)
    assert SearchPlan().stages == ("sparse",) and plan_of("dense").stages == ("dense",)
    plan = plan_of("hybrid", feedback="rm3", rerank="late")
    assert plan.stages == ("sparse", "dense", "feedback", "fusion", "rerank")
    assert plan.fusion == FusionSettings() and plan.feedback is not None and plan.feedback.vectors == "hybrid"
    assert plan_of("dense", feedback="rm3").feedback.vectors == "dense"  # type: ignore[union-attr]
    record = plan.to_record()
    assert record["retrieve"] == {"mode": "hybrid", "depth": 100, "sparse": {"mode": "auto"}, "dense": {"mode": "auto"}}
    assert record["rerank"] == {"model": "late", "depth": 50, "weight": 1.0}
    seismic = plan_of("seismic", heap_factor=0.5)
    assert seismic.to_record()["retrieve"]["sparse"]["parameters"] == {"query_cut": 8, "heap_factor": 0.5}
    everything = SearchPlan.from_record({"mode": "seismic", "parameters": {"query_cut": None}})
    assert SearchPlan.from_record(everything.to_record()) == everything != plan_of("seismic")


def test_depth_is_k_where_nothing_follows() -> None:
    assert SearchPlan().depth_for(7) == 7
    for plan in (plan_of("dense"), plan_of(feedback="rm3"), plan_of(rerank="late")):
        assert (plan.depth_for(7), plan.depth_for(700)) == (100, 700)


@pytest.mark.parametrize(
    ("mode", "flat", "says"),
    [
        (
            "approximate",
            {"heap_facter": 0.5},
            "'heap_facter': there is no such parameter of a search; did you mean heap_f",
        ),
        ("auto", {"hybrid": 1}, "'hybrid': there is no such parameter of a search"),
        ("hybird", {}, "'mode': must be auto, exact, .* or sparse-first, not 'hybird'; did you mean hybrid?"),
        ("sparse", {}, "'mode': must be auto"),
        ("exact", {"heap_factor": 0.5}, "'heap_factor': goes with mode auto, approximate or seismic, not 'exact'"),
        ("bmp", {"query_cut": 5}, "'query_cut': goes with mode seismic, not 'bmp'"),
        ("auto", {"fusion": "rrf"}, "'fusion': goes with mode hybrid or sparse-first, not 'auto'"),
        ("dense", {"dense_weight": 0.5}, "'dense_weight': goes with mode hybrid or sparse-first, not 'dense'"),
        ("dense", {"recall": 0.5}, "'recall': goes with a search of the sparse index, not 'dense'"),
        ("auto", {"effort": 5}, "'effort': goes with mode dense or hybrid"),
        ("auto", {"sparse_mode": "exact"}, "'sparse_mode': goes with mode hybrid or sparse-first, not 'auto'"),
        (
            "auto",
            {"depth": 50},
            "'depth': goes with mode hybrid or sparse-first, feedback or rerank: otherwise it is k",
        ),
        ("hybrid", {"feedback_terms": 5}, "'feedback_terms': needs feedback: its method, rocchio or rm3"),
        ("auto", {"rerank_weight": 0.5}, "'rerank_weight': needs rerank: its model"),
        ("exact", {"recall": 0.5}, "'recall': already chooses the mode and its parameters: give recall without them"),
        ("auto", {"recall": 0.5, "cut": 0.1}, "'recall': already chooses the mode"),
        (
            "hybrid",
            {"fusion": "rff"},
            "'fusion': must be tmm, min_max, z_score, none or rrf, not 'rff'; did you mean rrf?",
        ),
        ("hybrid", {"completion": "exact", "effort": 5}, "'effort': completion 'exact' needs an exact search"),
        ("exact", {"feedback": "rm3", "feedback_vectors": "dense"}, "'feedback_vectors': feedback in a sparse search"),
        ("hybrid", {"feedback": "rm3", "interpolate": "before"}, "'interpolate': 'before' ranks by a single query"),
        ("approximate", {"cut": 1.5}, r"'cut': cut must lie in \[0, 1\), not 1.5"),
        ("approximate", {"cut": "0.5"}, "'cut': must be a number, not '0.5'"),
        ("approximate", {"max_blocks": 1.5}, "'max_blocks': must be a whole number, not 1.5"),
        ("approximate", {"max_blocks": True}, "'max_blocks': must be a whole number, not True"),
        ("approximate", {"budget_us": float("inf")}, "'budget_us': must be a number of reasonable size, not inf"),
        ("approximate", {"max_blocks": 10**30}, "'max_blocks': must be a number of reasonable size"),
        ("hybrid", {"depth": 0}, "'depth': must be at least 1, not 0"),
        ("hybrid", {"dense_weight": 2}, "'dense_weight': must be at least 0 and at most 1, not 2"),
        ("hybrid", {"depth": [5]}, r"'depth': must be a whole number, not \[5\]"),
        ("auto", {"rerank": "late", "rerank_weight": float("nan")}, "'rerank_weight': must be a number of reasonable"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_keyword(mode: str, flat: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        plan_of(mode, **flat)


@pytest.mark.parametrize(
    ("record", "field", "says"),
    [
        ({"fuse": {}}, "fuse", "did you mean fusion?"),
        ({"fusion": {"metod": "rrf"}, "mode": "hybrid"}, "fusion.metod", "did you mean method?"),
        ({"retrieve": {"vectors": "hybrid"}}, "retrieve.vectors", "there is no such field"),
        ({"retrieve": {"mode": "exact"}}, "retrieve.mode", "must be sparse, hybrid, dense or sparse-first"),
        ({"retrieve": {"sparse": {"parameters": {"cut": 5}}}}, "retrieve.sparse.parameters.cut", "cut must lie in"),
        (
            {"retrieve": {"sparse": {"parameters": [5]}}},
            "retrieve.sparse.parameters",
            "are not the parameters of mode 'auto'",
        ),
        ({"retrieve": {"mode": "dense", "sparse": {}}}, "retrieve.sparse", "goes with a search of the sparse index"),
        ({"mode": "approximate", "parameters": {"heap": 1}}, "parameters.heap", "it has cut, heap_factor"),
        ({"mode": "dense", "parameters": {"cut": 0.5}}, "parameters", "goes with a search of the sparse index"),
        ({"mode": ["hybrid"]}, "mode", "must be auto"),
        ({"mode": "exact", "retrieve": {}}, "mode", "is short for retrieve: give only one of the two"),
        ({"rerank": {"depth": "many"}}, "rerank.depth", "must be a whole number, not 'many'"),
        ({"rerank": 5}, "rerank", "must be an object with fields, not 5"),
        ({"feedback": {"documents": 0}}, "feedback.documents", "must be at least 1"),
    ],
)
def test_what_makes_no_sense_in_a_record_is_refused_by_its_path(record: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        SearchPlan.from_record(record)
    assert refused.value.field == field and says in refused.value.reason


def test_settings_made_in_python_are_checked_too() -> None:
    with pytest.raises(InputError, match="are not the parameters of mode 'bmp'"):
        SparseSearchSettings(mode="bmp", parameters=ENGINES["seismic"].Parameters())
    for make in (lambda: RerankSettings(weight=2.0), lambda: RetrieveSettings(depth=0)):
        with pytest.raises(InputError):
            make()


def test_a_plan_in_a_file(tmp_path: Path) -> None:
    plan = plan_of("hybrid", fusion="rrf", feedback="rm3", heap_factor=0.5, sparse_mode="approximate")
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_record()))
    assert read_plan(tmp_path / "plan.json") == plan
    (tmp_path / "plan.yaml").write_text("mode: approximate\nparameters:\n  cut: 0.5\nrerank: {depth: 5}\n")
    found = read_plan(tmp_path / "plan.yaml")
    assert found == plan_of("approximate", cut=0.5, rerank="late", rerank_depth=5)
    for name, text, says in [
        ("a.json", "{", "is not JSON"),
        ("a.yml", "{", "is not YAML"),
        ("b.json", "[]", "contains no plan"),
        ("c.json", '{"fusion": {"method": "rff"}, "mode": "hybrid"}', "c.json: field 'fusion.method': must be tmm"),
    ]:
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=says):
            read_plan(tmp_path / name)
    with pytest.raises(MissingInputError, match="there is no file"):
        read_plan(tmp_path / "nowhere.json")


def test_a_retriever_takes_a_plan_or_keywords(toy_index: Path) -> None:
    retriever = Retriever.open(toy_index)
    by_keywords = retriever.search("ice and birds", 3, mode="approximate", cut=0.0, explain=True)
    by_plan = retriever.search("ice and birds", 3, plan_of("approximate", cut=0.0), explain=True)
    assert by_keywords.hits == by_plan.hits and by_keywords.stats == by_plan.stats
    assert by_plan.mode == "approximate" and list(by_plan.stages_ms) == ["encode sparse", "sparse"]
    with pytest.raises(InputError, match="leave out mode and other keywords"):
        retriever.search("ice", 3, SearchPlan(), mode="exact")
    with pytest.raises(InputError, match="did you mean heap_factor"):
        retriever.search("ice", mode="approximate", heap_facter=0.5)
    with pytest.raises(InputError, match="give its text beside the vectors"):
        retriever.search_vector({"ice": 1.0}, 3, plan_of(rerank="late"))


def test_the_record_of_an_answer(toy_index: Path) -> None:
    response = Retriever.open(toy_index).search("ice and wheels", 3, mode="exact", explain=True)
    record = response.to_record()
    assert json.loads(json.dumps(record)) == record
    assert (record["mode"], record["stats"]["mode"], record["dense_stats"]) == ("exact", "exact", None)
    assert set(record["timings"]) == {"encode_ms", "search_ms", "stages_ms"}
    first = record["hits"][0]
    assert list(first) == ["rank", "id", "score", "title", "text", "fields", "matches", "stages"]
    assert first["stages"] == {}
    assert sum(match["contribution"] for match in first["matches"]) == pytest.approx(first["score"], rel=1e-5)
    short = response.to_record(explain=False, text=False, fields=["wheels", "nothing"], first=1, number=lambda x: "n")
    assert [hit["rank"] for hit in short["hits"]] == list(range(2, len(record["hits"]) + 1))
    assert all(list(hit) == ["rank", "id", "score", "title", "fields"] for hit in short["hits"])
    assert {hit["id"]: hit["fields"] for hit in response.to_record(fields=["wheels"])["hits"]}["bicycle"] == {
        "wheels": 2
    }
    assert short["hits"][0]["score"] == "n"


# -- one entry is enough ---------------------------------------------------------------------------------------------


def test_a_fusion_method_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    half = FusionMethod("halves scores", 0.25, lambda scores, least: Normaliser(0.0, 0.5))
    monkeypatch.setitem(METHODS, "half", half)
    assert plan_of("hybrid", fusion="half").fusion == FusionSettings(method="half")
    np.testing.assert_allclose(normaliser("half", [4.0, 2.0])([4.0, 2.0]), [2.0, 1.0])
    with pytest.raises(InputError, match=r"or half, not .halve.; did you mean half\?"):
        plan_of("hybrid", fusion="halve")


def test_a_feedback_method_is_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def first_alone(scores: np.ndarray) -> np.ndarray:
        return np.eye(len(scores))[0]

    monkeypatch.setitem(FEEDBACK_METHODS, "first", FeedbackMethod("takes the first", first_alone, lambda w: 1.0))
    assert plan_of(feedback="first").feedback.method == "first"  # type: ignore[union-attr]
    query = (np.array([0], np.uint32), np.array([1], np.float32))
    documents = [(np.array([term], np.uint32), np.array([2], np.float32)) for term in (1, 2)]
    terms, weights = sparse_feedback("first", query, documents, [1.0, 1.0], 0.5, 10)
    assert (terms.tolist(), weights.tolist()) == ([0, 1], [0.5, 1.0])


def test_no_two_fields_go_by_one_keyword_and_every_field_is_explained() -> None:
    for name, option in flat_options().items():
        assert option.help.endswith(".") and not option.help[0].islower(), name
    for settings in (RetrieveSettings, FusionSettings, RerankSettings, SearchPlan):
        assert [option.name for option in options_of(settings)]


def test_a_plan_of_a_number_does_not_let_a_truth_value_pass() -> None:
    plan_of("approximate", max_blocks=1)
    with pytest.raises(InputError, match="'max_blocks': must be a whole number, not True"):
        plan_of("approximate", max_blocks=True)
