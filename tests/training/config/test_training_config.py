"""Configurations: what is refused, and how that is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lsr.core.errors import InputError
from lsr.training.config import QueryTableConfig, TrainingConfig, read_config
from lsr.training.losses.info_nce import InfoNce
from lsr.training.losses.kl_divergence import KlDivergence
from lsr.training.losses.margin_mse import MarginMse
from lsr.training.penalties.anti_zero import AntiZero
from lsr.training.penalties.df_flops import DfFlops
from lsr.training.penalties.flops import Flops
from lsr.training.penalties.l1 import L1
from lsr.training.penalties.penalty import Penalty
from lsr.training.recipes import recipe_path, recipes

LEAST: dict[str, Any] = {"data": [{"source": "folder"}], "run": {"steps": 5}}


def test_defaults_and_round_trip() -> None:
    config = TrainingConfig.from_record(LEAST, "here")
    assert config.model.query == "shared" and config.losses[0].name == "info_nce"
    assert TrainingConfig.from_record(config.to_record(), "again") == config
    table = TrainingConfig.from_record(LEAST | {"model": {"query": {"table": "idf"}}}, "here")
    assert isinstance(table.model.query, QueryTableConfig)
    assert TrainingConfig.from_record(table.to_record(), "again") == table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"document": {"pooling": "mean"}}}, r"model\.document\.pooling: .*'max' or 'sum', not 'mean'"),
        ({"modell": {}}, r"modell: a recipe has no 'modell'; it has data, .*; did you mean 'model'\?"),
        ({"run": {"steps": 0}}, r"run\.steps: .*greater than or equal to 1, not 0"),
        ({"run": {}}, r"give either run\.steps or run\.epochs"),
        ({"run": {"steps": 1, "epochs": 2}}, r"give either run\.steps or"),
        ({"data": []}, "at least one training set"),
        ({"data": [{"source": "a", "share": 1}, {"source": "b"}]}, "give a share to every training set"),
        ({"losses": [{"name": "kl"}], "run": {"steps": 1, "negatives": 0}}, "distillation compares candidates"),
        ({"document_regularisers": [{"name": "idf_matching", "strength": 1}]}, "needs a query table"),
        (
            {"losses": [{"name": "margin_mse", "temperature": 2}]},
            r"losses\.0\.temperature: margin_mse has no 'temperature'; it has weight$",
        ),
        (
            {"losses": [{"name": "kl"}, {"name": "kl", "temprature": 2}]},
            r"losses\.1\.temprature: kl has no .*; it has weight, temperature, in_batch; did you mean 'temperature'\?",
        ),
        ({"losses": [{"name": "margin-mse"}]}, r"no loss 'margin-mse'; there are .*; did you mean 'margin_mse'\?"),
        ({"losses": [{"weight": 1}]}, r"losses\.0\.name: there is no loss None; there are info_nce, kl, margin_mse"),
        ({"losses": [{"name": "kl", "in_batch": True}]}, r"kl over the batch needs `teachers`"),
        (
            {"document_regularisers": [{"name": "flops", "strength": 1, "alpha": 0.5}]},
            r"document_regularisers\.0\.alpha: flops has no 'alpha'; it has strength, ramp, shape, threshold",
        ),
        (
            {"document_regularisers": [{"name": "df_flops", "strength": 1, "alpha": 1}]},
            r"document_regularisers\.0\.alpha: .*less than 1, not 1",
        ),
        ({"model": {"document": {"gate": "lex"}}}, r"model\.document\.gate: .*'none' or 'lexical', not 'lex'"),
        ({"model": {"document": {"lexical": True}}}, r"model\.document has no 'lexical'; it has .*gate"),
        ({"model": {"document": {"lora": {"rnk": 1}}}}, r"model\.document\.lora has no 'rnk'; .*did you mean 'rank'"),
        ({"model": {"query": {"table": "idf", "scal": 1}}}, r"model\.query\.scal: .*did you mean 'scale'\?$"),
        ({"model": {"query": {"base": "x", "echo": "no way"}}}, r"model\.query\.echo: .*boolean"),
        ({"model": {"query": "sharde"}}, r"model\.query: .*'shared', not 'sharde'"),
        ({"data": [{"source": "a", "split ": "b"}]}, r"data\.0\.split : .*did you mean 'split'"),
        ({"run": {"step": 5}}, r"run\.step: run has no 'step'; it has steps, epochs, .*; did you mean 'steps'\?$"),
        ({"steps": 5}, r"steps: a recipe has no 'steps'; it has data, .*; did you mean 'run\.steps'\?$"),
        ({"run": 5}, r"run: must be a mapping of steps, epochs, .*, not 5$"),
        ({"data": ["folder"]}, r"data\.0: must be a mapping of source, split, .*, not 'folder'$"),
        (
            {"query_regularisers": [{"name": "idf_matching", "strength": 1}], "model": {"query": {"table": "idf"}}},
            "penalty on documents",
        ),
        (
            {"model": {"query": {"table": "idf"}}, "query_regularisers": [{"name": "l1", "strength": 1}]},
            "as sparse as their text",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        TrainingConfig.from_record(LEAST | changes, "recipe.yaml")
    assert str(raised.value).startswith("recipe.yaml")


def test_reading_with_changes(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data: [{source: folder}]\nrun: {epochs: 2}\n")
    config = read_config(path, {"run.batch_size": 4, "model.document.top_k": 9})
    assert config.run.batch_size == 4 and config.run.epochs == 2 and config.model.document.top_k == 9
    path.write_text("data: [{source: folder}]\nrun: {steps: 2}\nlosses: [{name: kl}]\ndevelopment:\n")
    config = read_config(path, {"losses.0.weight": 2, "development.source": "lsr-demo"})
    assert config.losses[0].weight == 2 and config.development is not None
    for content, message in (("a: [", "not YAML"), ("[]", "has no fields")):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            read_config(path)
    with pytest.raises(InputError, match="no file"):
        read_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run.step": 10}, r"^--set: run\.step: run has no 'step'; .*did you mean 'steps'\?$"),
        ({"steps": 10}, r"^--set: steps: .*did you mean 'run\.steps'\?$"),
        ({"run": 10}, r"^--set: run: must be a mapping of steps, "),
        ({"foo.bar": 1}, r"^--set: foo: a recipe has no 'foo'"),
        ({"development.queries": 3}, r"^--set: development\.source: Field required"),
        (
            {"run.batch_size.x": 1},
            r"^run\.batch_size\.x: batch_size is 8 in the recipe, so there is nothing in it to set",
        ),
        ({"data.1.share": 1}, r"^data\.1\.share: 1 is not the number of a member of that list; there are 0 to 0"),
        ({"run.batch_size": 3, "data": None}, r"^--set: data: "),
    ],
)
def test_a_wrong_change_is_not_blamed_on_the_file(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data: [{source: folder}]\nrun: {steps: 2, batch_size: 8}\n")
    with pytest.raises(InputError, match=message):
        read_config(path, dict(changes), changed_by="--set")
    path.write_text("data: [{source: folder}]\nrun: {steps: 2, batch_size: 8}\nlosse: []\n")
    with pytest.raises(InputError, match=r"recipe\.yaml: losse: "):
        read_config(path, {"run.steps": 3}, changed_by="--set")


def test_the_double_penalty_is_warned_of() -> None:
    penalty = {"document_regularisers": [{"name": "flops_idf_inverse", "strength": 1}]}
    assert TrainingConfig.from_record(LEAST | penalty, "x").warnings() == []
    for table, expected in (("idf", True), ("ones", False)):
        config = TrainingConfig.from_record(LEAST | penalty | {"model": {"query": {"table": table}}}, "x")
        assert len(config.warnings()) == expected
        assert all("idf_matching" in warning for warning in config.warnings())


def test_what_older_versions_recorded_is_read() -> None:
    """There every loss and every penalty had the parameters of all."""
    others = {"threshold": 0, "alpha": 0.1, "beta": 10.0}
    losses = [
        {"name": "info_nce", "weight": 1.0, "temperature": 0.5, "in_batch": None},
        {"name": "kl", "weight": 2.0, "temperature": 1.0, "in_batch": None},
        {"name": "margin_mse", "weight": 0.05, "temperature": 1.0, "in_batch": None},
    ]
    documents = [
        {"name": name, "strength": 0.1, "ramp": 0.25, "shape": "linear", **others}
        for name in ("l1", "flops", "df_flops", "anti_zero")
    ]
    record = LEAST | {"losses": losses, "document_regularisers": documents, "query_regularisers": documents[:1]}
    config = TrainingConfig.from_record(record, "config.yaml")
    assert config.losses == [InfoNce(temperature=0.5), KlDivergence(weight=2.0), MarginMse(weight=0.05)]
    kinds: list[type[Penalty]] = [L1, Flops, DfFlops, AntiZero]
    assert config.document_regularisers == [kind(strength=0.1, ramp=0.25, shape="linear") for kind in kinds]
    assert config.query_regularisers == config.document_regularisers[:1]
    # What a person writes is not all of it, and is checked.
    for name in ("temperature", "in_batch"):
        with pytest.raises(InputError, match=f"margin_mse has no '{name}'"):
            TrainingConfig.from_record(LEAST | {"losses": [{"name": "margin_mse", name: 1}]}, "recipe.yaml")


@pytest.mark.parametrize("name", recipes())
def test_the_recipes_that_come_with_lsr_are_read(name: str) -> None:
    config = read_config(recipe_path(name))
    assert TrainingConfig.from_record(config.to_record(), "again") == config
    assert config.warnings() == []


def test_a_configuration_is_read_without_torch() -> None:
    script = "import sys, lsr.training.config; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
