"""What adaptation keeps of the model that it starts from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr import SparseEncoder
from lsr.core.errors import ModelError
from lsr.encoding.sparse.backbone import load_backbone
from lsr.encoding.sparse.saving import TransformerSide, save_encoder
from lsr.training.adapt import AdaptSettings, _document
from lsr.training.config import ModelConfig, parse_config
from lsr.training.model.student import build_student


def model_config(base: Path, tiny_set: Path) -> ModelConfig:
    document = _document(SparseEncoder.load(base), AdaptSettings(base=str(base), max_length=16))
    content = {"data": [{"source": str(tiny_set)}], "model": {"document": document}, "losses": [{"name": "info_nce"}]}
    return parse_config({**content, "run": {"steps": 1}}, "test").model


@pytest.mark.parametrize(
    "sides",
    [
        {"pooling": "sum", "activation": "log1p_relu", "prompt": "w3 ", "lexical": True, "top_k": 3},
        {"head": "term_weights", "activation": "no_log", "top_k": 2},
        {},
    ],
    ids=["vocabulary", "term weights", "plain"],
)
def test_the_untrained_student_encodes_as_its_base(
    sides: dict[str, object], tiny_model: Path, tiny_set: Path, tmp_path: Path
) -> None:
    head = sides.pop("head", None)
    backbone = load_backbone(tiny_model, head=head)  # type: ignore[arg-type]
    save_encoder(tmp_path / "base", document=TransformerSide(backbone, max_length=16, **sides))  # type: ignore[arg-type]
    build_student(model_config(tmp_path / "base", tiny_set)).eval().save(tmp_path / "student")
    texts = ["w1 w2 w3 w4 w5", "w7", "w9 w9 w10"]
    base, student = (SparseEncoder.load(tmp_path / name).encode_documents(texts) for name in ("base", "student"))
    assert base.indices.tolist() == student.indices.tolist() and len(base.indices)
    np.testing.assert_allclose(base.weights, student.weights, rtol=1e-6)


def test_a_table_cannot_be_trained() -> None:
    class Table:
        def settings(self) -> dict[str, object]:
            return {"document": {"kind": "table"}}

    with pytest.raises(ModelError, match="no model to train"):
        _document(Table(), AdaptSettings(base="tables"))  # type: ignore[arg-type]
