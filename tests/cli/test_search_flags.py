"""The flags of a search: made of the plan's fields, none lost, one entry enough for a new one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from lsr import Document
from lsr.cli.root import app
from lsr.index.engines.exhaustive.engine import Exhaustive
from lsr.index.engines.registry import ENGINES
from lsr.index.fusion.methods import METHODS, FusionMethod, Normaliser
from lsr.search.flat import flat_options, plan_of
from lsr.search.plan import SearchPlan

Run = Callable[..., tuple[int, str, str]]

# As `--help` showed them before flags were made of fields.
SEARCH = """--queries --output -o --k -k --mode --recall --fusion --dense-weight --feedback --rerank --parameter -p
--explain --tag --query-idf --model -m --threads --device --force --json --vector --dense-vector
--dense-queries --offset --search-after --server --key"""
EVAL = """--output -o --index --split --queries --qrels --run --model -m --max-length --top-k --windows --window-words
--window-stride --top-windows --dense --mode --recall --fusion --dense-weight --feedback --rerank --parameter -p
--metric --k -k --drop-self --bm25 --no-bm25 --per-query --query-idf --device --force --json"""
TUNE = """--queries --recall --k -k --qrels --fusion --metric --plot --max-queries --model -m --device --json"""
PARAMETERS = """cut heap_factor max_blocks budget_us query_cut alpha beta depth completion rank_constant dense_mode
effort sparse_mode feedback_vectors feedback_documents feedback_terms feedback_query_weight interpolate rerank_depth
rerank_weight"""


def flags_of(name: str) -> set[str]:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    with command.context_class(command, info_name=name) as context:
        params = command.get_params(context)
    return {flag for param in params for flag in (*param.opts, *param.secondary_opts) if flag.startswith("-")}


@pytest.mark.parametrize(("name", "before"), [("search", SEARCH), ("eval", EVAL), ("tune", TUNE)])
def test_no_flag_was_lost(name: str, before: str) -> None:
    assert set(before.split()) <= flags_of(name)


def test_every_field_of_a_plan_is_a_flag_and_a_parameter() -> None:
    assert set(PARAMETERS.split()) <= set(flat_options())
    flags = {"--" + name.replace("_", "-") for name in flat_options()}
    for command in ("search", "eval"):
        assert flags <= flags_of(command)
    assert flags_of("search") - set(SEARCH.split()) - flags == {"--plan", "--show-plan", "--help"}


def shown(run: Run, *options: Any) -> Any:
    code, out, _ = run("search", "an-index", *options, "--show-plan")
    assert code == 0
    return SearchPlan.from_record(json.loads(out))


def test_flags_come_to_a_plan(run: Run) -> None:
    assert shown(run) == SearchPlan()
    options = ("--mode", "hybrid", "--fusion", "rrf", "--feedback", "rm3", "--rerank", "late", "--dense-weight", 0.25)
    expected = {"fusion": "rrf", "feedback": "rm3", "rerank": "late", "dense_weight": 0.25}
    assert shown(run, *options) == plan_of("hybrid", **expected)
    by_flag = shown(run, "--mode", "seismic", "--heap-factor", 0.5, "--query-cut", 3)
    assert by_flag == shown(run, "--mode", "seismic", "-p", "heap_factor=0.5", "-p", "query_cut=3")
    assert by_flag == plan_of("seismic", heap_factor=0.5, query_cut=3)
    code, out, _ = run("eval", "nowhere", "--show-plan")
    assert code == 0 and SearchPlan.from_record(json.loads(out)) == plan_of("exact")
    code, out, _ = run("eval", "nowhere", "--recall", 0.9, "--show-plan")
    assert SearchPlan.from_record(json.loads(out)) == plan_of(recall=0.9)


def test_a_plan_that_was_shown_is_searched_with(run: Run, toy_index: Path) -> None:
    Path("plan.json").write_text(run("search", "x", "--mode", "approximate", "--cut", 0, "--show-plan")[1])
    answer = json.loads(run("search", toy_index, "ice and birds", "--plan", "plan.json", "--json")[1])
    assert answer["mode"] == "approximate" and answer["hits"]
    code, out, err = run("search", toy_index, "ice", "--plan", "plan.json", "--heap-factor", 0.5)
    assert (code, out) == (2, "") and "--plan already says how to search: leave out --heap-factor" in err
    Path("plan.yaml").write_text("mode: approximate\nparameters:\n  heap_facter: 1\n")
    for command in (("search", toy_index, "ice"), ("eval", "nowhere")):
        code, _, err = run(*command, "--plan", "plan.yaml")
        assert code == 2 and "plan.yaml: field 'parameters.heap_facter'" in err and "did you mean heap_factor?" in err


@pytest.mark.parametrize("command", [("search", "an-index", "ice"), ("eval", "a-folder")])
def test_unknown_parameters_are_refused_with_the_nearest_name(run: Run, command: tuple[str, ...]) -> None:
    code, _, err = run(*command, "-p", "heap_facter=1")
    assert code == 2 and "'heap_facter': there is no such parameter of a search; did you mean heap_factor?" in err
    code, _, err = run(*command, "--heap-facter", 1)
    assert code == 2 and "--heap-factor" in err
    code, _, err = run(*command, "--mode", "exact", "--query-cut", 5)
    assert code == 2 and "--query-cut: goes with mode seismic, not 'exact'" in err


@dataclass(frozen=True, slots=True)
class ToyParameters:
    """What the toy is told.

    Attributes:
        zeal: How much it wants to find.
    """

    zeal: float = 1.0


class Toy(Exhaustive):
    """Exhaustive search by another name."""

    name = "toy"
    title = "tries very hard"
    Parameters = ToyParameters  # type: ignore[assignment]


def test_an_engine_and_a_method_that_are_registered_have_their_flags(
    run: Run, toy_documents: list[Document], toy_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINES, "toy", Toy())
    monkeypatch.setitem(METHODS, "half", FusionMethod("halves", 0.5, lambda scores, least: Normaliser(0.0, 0.5)))
    for command in ("search", "eval"):
        assert "--zeal" in flags_of(command)
        text = " ".join(run(command, "--help")[1].replace("│", " ").split())
        assert "toy: tries very hard" in text and "toy: zeal;" in text and "half: halves" in text
    assert shown(run, "--mode", "toy", "--zeal", 3) == plan_of("toy", zeal=3.0)
    answer = json.loads(run("search", toy_index, "ice and birds", "--mode", "toy", "-p", "zeal=2", "--json")[1])
    assert answer["hits"] == json.loads(run("search", toy_index, "ice and birds", "--json")[1])["hits"]
    assert shown(run, "--mode", "hybrid", "--fusion", "half") == plan_of("hybrid", fusion="half")


def test_a_parameter_may_not_take_the_name_of_another_flag(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True, slots=True)
    class Taken:
        """Its name is taken.

        Attributes:
            force: What it does.
        """

        force: int = 1

    engine = Toy()
    monkeypatch.setattr(Toy, "Parameters", Taken)
    monkeypatch.setitem(ENGINES, "toy", engine)
    with pytest.raises(TypeError, match=r"same names as other flags of `search`: {'force'}"):
        flags_of("search")
