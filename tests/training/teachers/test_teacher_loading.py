"""Teachers by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from lsr import SparseEncoder
from lsr.core.errors import ModelError
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.sparse.bm25 import Bm25Encoder
from lsr.training.teachers import BiEncoderTeacher, FileTeacher, load_encoder, load_teacher
from lsr.training.teachers.cross_encoder import CrossEncoderTeacher


def no_bm25() -> NoReturn:
    raise AssertionError("only bm25 needs statistics")


def test_each_kind(make_cross_encoder: Callable[..., Path]) -> None:
    bm25 = Bm25Encoder.fit(["bread"])
    teacher = load_teacher("bm25", bm25=lambda: bm25)
    assert isinstance(teacher, BiEncoderTeacher) and teacher.encoder is bm25 and teacher.name == "bm25"
    sparse = load_teacher("splade-tiny", bm25=no_bm25, max_length=64)
    assert isinstance(sparse, BiEncoderTeacher) and isinstance(sparse.encoder, SparseEncoder)
    assert sparse.encoder.max_length == 64
    dense = load_teacher("minilm", bm25=no_bm25, max_length=512)
    assert isinstance(dense, BiEncoderTeacher) and isinstance(dense.encoder, DenseEncoder)
    assert (dense.name, dense.encoder.max_length) == ("minilm", 256)
    folder = make_cross_encoder()
    cross = load_teacher(str(folder), bm25=no_bm25)
    assert isinstance(cross, CrossEncoderTeacher) and cross.name == str(folder)
    assert isinstance(load_teacher("scores/minilm.parquet", bm25=no_bm25), FileTeacher)
    with pytest.raises(ModelError, match="cross-encoder"):
        load_encoder(str(folder))


def test_what_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model 'splade'"):
        load_teacher("splade", bm25=no_bm25)
    with pytest.raises(ModelError, match="decoder"):
        load_teacher("smollm2-135m", bm25=no_bm25)
    with pytest.raises(ModelError, match="not a model folder"):
        load_teacher(str(tmp_path), bm25=no_bm25)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": None}))
    with pytest.raises(ModelError):
        load_teacher(str(tmp_path), bm25=no_bm25)
