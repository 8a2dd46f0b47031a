"""Configurations: what is refused, and how that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lsr.core.errors import InputError
from lsr.training.config import QueryTableConfig, double_penalty, parse_config, read_config, to_plain

LEAST: dict[str, Any] = {"data": [{"source": "folder"}], "run": {"steps": 5}}


def test_defaults_and_round_trip() -> None:
    config = parse_config(LEAST, "here")
    assert config.model.query == "shared" and config.losses[0].name == "info_nce"
    assert parse_config(to_plain(config), "again") == config
    table = parse_config(LEAST | {"model": {"query": {"table": "idf"}}}, "here")
    assert isinstance(table.model.query, QueryTableConfig)
    assert parse_config(to_plain(table), "again") == table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"document": {"pooling": "mean"}}}, r"model\.document\.pooling: .*'max' or 'sum', not 'mean'"),
        ({"modell": {}}, r"modell: "),
        ({"run": {"steps": 0}}, r"run\.steps: .*greater than or equal to 1, not 0"),
        ({"run": {}}, r"give run\.steps or run\.epochs"),
        ({"run": {"steps": 1, "epochs": 2}}, r"one of them"),
        ({"data": []}, "at least one training set"),
        ({"data": [{"source": "a", "share": 1}, {"source": "b"}]}, "every training set a share"),
        ({"losses": [{"name": "kl"}], "run": {"steps": 1, "negatives": 0}}, "distillation needs negatives"),
        ({"document_regularisers": [{"name": "idf_matching", "strength": 1}]}, "needs a query table"),
        (
            {"model": {"query": {"table": "idf"}}, "query_regularisers": [{"name": "l1", "strength": 1}]},
            "as sparse as their text",
        ),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        parse_config(LEAST | changes, "recipe.yaml")
    assert str(raised.value).startswith("recipe.yaml")


def test_reading_with_changes(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("data: [{source: folder}]\nrun: {epochs: 2}\n")
    config = read_config(path, {"run.batch_size": 4, "model.document.top_k": 9})
    assert config.run.batch_size == 4 and config.run.epochs == 2 and config.model.document.top_k == 9
    for content, message in (("a: [", "not YAML"), ("[]", "holds no fields")):
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            read_config(path)
    with pytest.raises(InputError, match="no file"):
        read_config(tmp_path / "absent.yaml")


def test_the_double_penalty_is_warned_of() -> None:
    penalty = {"document_regularisers": [{"name": "flops_idf_inverse", "strength": 1}]}
    assert double_penalty(parse_config(LEAST | penalty, "x")) is None
    for table, expected in (("idf", True), ("ones", False)):
        config = parse_config(LEAST | penalty | {"model": {"query": {"table": table}}}, "x")
        warning = double_penalty(config)
        assert (warning is not None) is expected
        assert not warning or "idf_matching" in warning
