"""An objective and a penalty of one's own: registered here, they train from a recipe with no edit anywhere else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import yaml
from torch import Tensor

from lsr import SparseEncoder
from lsr.core.errors import InputError
from lsr.training.config import TrainingConfig, read_config
from lsr.training.losses.objective import Distilled, Objective, VectorBatch
from lsr.training.losses.registry import OBJECTIVES
from lsr.training.penalties.penalty import Penalty, Side, TermStatistics
from lsr.training.penalties.registry import PENALTIES
from lsr.training.run import train
from lsr.training.run.curves import save_curves
from lsr.training.run.log import read_log
from lsr.training.run.plan import plan


@dataclass(frozen=True, kw_only=True)
class Hinge(Objective):
    """max(0, gap - margin), where the teacher sees one."""

    name: Literal["hinge"] = "hinge"
    gap: float = 1.0

    @property
    def distils(self) -> Distilled:
        return "scores"

    def __call__(self, batch: VectorBatch) -> Tensor:
        scores, teacher = batch.own_scores(), batch.teacher(self)
        better = teacher[:, :1] > teacher[:, 1:]
        return ((self.gap - scores[:, :1] + scores[:, 1:]).relu() * better).mean()


@dataclass(frozen=True, kw_only=True)
class Rare(Penalty):
    """Rare terms are dear: the mean weight times a power of the IDF."""

    name: Literal["rare"] = "rare"
    power: int = 2

    needs_idf: ClassVar[bool] = True

    def __call__(self, weights: Tensor, terms: TermStatistics) -> Tensor:
        assert terms.idf is not None
        return (weights * terms.idf.pow(self.power)).sum(1).mean()

    def refusal(self, side: Side, table: str | None) -> str | None:
        return "rare is a penalty on documents" if side == "query" else None


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OBJECTIVES, "hinge", Hinge)
    monkeypatch.setitem(PENALTIES, "rare", Rare)


@pytest.fixture
def file(recipe: dict[str, Any], tmp_path: Path) -> Path:
    changes = {
        "losses": [{"name": "hinge", "gap": 3, "weight": 0.5}, {"name": "info_nce"}],
        "document_regularisers": [{"name": "rare", "power": 1, "strength": 0.01, "shape": "constant"}],
        "run": recipe["run"] | {"steps": 1, "save_every": None},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe | changes))
    return path


def test_they_train_a_step(registered: None, file: Path, tmp_path: Path) -> None:
    config = read_config(file)
    assert config.losses[0] == Hinge(gap=3, weight=0.5)
    assert config.document_regularisers == [Rare(power=1, strength=0.01, shape="constant")]
    made = plan(config)
    assert made.losses == ["0.5 hinge", "1 info_nce"] and made.penalties[0] == "0.01 rare of documents"
    model = train(config, tmp_path / "run")
    assert SparseEncoder.load(model).encode_documents(["w1 w2"]).nnz
    [step] = [line for line in read_log(tmp_path / "run" / "log.jsonl") if "loss" in line]
    parts = 0.5 * step["hinge"] + step["info_nce"] + 0.01 * step["document_rare"]
    penalty = step["query_l1"] * step["query_l1_lambda"]
    assert step["hinge"] > 0 and step["document_rare"] > 0
    assert step["loss"] == pytest.approx(parts + penalty, abs=1e-3)
    save_curves(read_log(tmp_path / "run" / "log.jsonl"), tmp_path / "curves.svg")
    picture = (tmp_path / "curves.svg").read_text()
    assert ">hinge<" in picture and ">InfoNCE<" in picture and ">KL<" not in picture
    # What is recorded is read again: the run is finished.
    assert read_config(tmp_path / "run" / "config.yaml") == config
    assert train(config, tmp_path / "run") == model


def test_they_are_checked_as_the_others(registered: None, file: Path, recipe: dict[str, Any]) -> None:
    content = yaml.safe_load(file.read_text())
    for changes, message in (
        ({"losses": [{"name": "hinge", "gab": 1}]}, r"losses\.0\.gab: hinge has no 'gab'; .*did you mean 'gap'"),
        ({"losses": [{"name": "hinge", "gap": "x"}]}, r"losses\.0\.gap: .*number, unable to parse.* not 'x'"),
        ({"query_regularisers": content["document_regularisers"]}, "rare is a penalty on documents"),
        ({"run": {"steps": 1, "negatives": 0}}, "distillation compares candidates"),
    ):
        with pytest.raises(InputError, match=message):
            TrainingConfig.from_record(content | changes, "test")


def test_without_them_they_are_unknown(file: Path) -> None:
    with pytest.raises(InputError, match=r"losses\.0\.name: there is no loss 'hinge'; there are info_nce, kl, .*"):
        read_config(file)


@pytest.mark.parametrize("registry", [OBJECTIVES, PENALTIES], ids=["objectives", "penalties"])
def test_names_are_the_keys(registry: dict[str, type]) -> None:
    for name, kind in registry.items():
        assert next(each.default for each in fields(kind) if each.name == "name") == name
