"""Dense vectors are those of sentence-transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from lsr.core.errors import InputError, ModelError
from lsr.encoding.catalogue import resolve
from lsr.encoding.dense.encoder import DenseEncoder

Maker = Callable[..., Path]


@pytest.fixture(scope="module")
def minilm() -> DenseEncoder:
    return DenseEncoder.load("minilm", dtype="float32")


def save(folder: Path, out: Path, pooling: str = "mean", *, normalise: bool = False, **options: Any) -> Path:
    """A sentence-transformers folder around a checkpoint."""
    transformer = Transformer(str(folder))
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling)]
    SentenceTransformer(modules=[*modules, *([Normalize()] if normalise else [])], **options).save(str(out))
    return out


@pytest.mark.parametrize(
    ("kind", "pooling", "normalise", "prompts"),
    [
        ("bert", "mean", True, None),
        ("bert", "cls", False, {"query": "w4 w5 ", "document": "w6 "}),
        ("roberta", "lasttoken", True, None),
        ("distilbert", "max", False, None),
    ],
)
def test_parity(
    make_model: Maker, texts: list[str], tmp_path: Path, kind: str, pooling: str, normalise: bool, prompts: Any
) -> None:
    folder = save(make_model(kind, head=False), tmp_path / "model", pooling, normalise=normalise, prompts=prompts)
    ours, theirs = DenseEncoder.load(folder, dtype="float32"), SentenceTransformer(str(folder))
    assert ours.max_length == theirs.max_seq_length and ours.dim == 32
    np.testing.assert_allclose(ours.encode_documents(texts), theirs.encode_document(texts), atol=1e-5)
    np.testing.assert_allclose(ours.encode_queries(texts), theirs.encode_query(texts), atol=1e-5)


def test_prompts_of_ones_own(make_model: Maker, tmp_path: Path) -> None:
    folder = save(make_model(head=False), tmp_path / "model", prompts={"query": "w4 ", "document": "w6 "})
    plain = DenseEncoder.load(folder, dtype="float32", query_prompt="w9 ", document_prompt="")
    theirs = SentenceTransformer(str(folder))
    np.testing.assert_allclose(plain.encode_queries(["w1"]), theirs.encode(["w1"], prompt="w9 "), atol=1e-5)
    np.testing.assert_allclose(plain.encode_documents(["w1"]), theirs.encode(["w1"], prompt=""), atol=1e-5)


def test_parity_of_the_packaged_model(minilm: DenseEncoder) -> None:
    texts = ["How do birds find their way?", "Zugvögel 北京", "A seabird that flies from pole to pole. " * 60]
    theirs = SentenceTransformer(str(resolve("minilm")))
    assert (minilm.max_length, minilm.dim, minilm.similarity, minilm.name) == (256, 384, "cosine", "minilm")
    vectors = minilm.encode_documents(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, theirs.encode(texts), atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)


def test_bfloat16_is_near(minilm: DenseEncoder) -> None:
    texts = ["How do birds find their way?", "Bread leavened by wild yeast"]
    low = DenseEncoder.load("minilm", dtype="bfloat16")
    assert (low.dtype, minilm.dtype) == ("bfloat16", "float32")
    cosines = (low.encode_queries(texts) * minilm.encode_queries(texts)).sum(1)
    assert (cosines > 0.999).all()


def test_streams_in_order(make_model: Maker, tmp_path: Path) -> None:
    encoder = DenseEncoder.load(save(make_model(head=False), tmp_path / "model"), dtype="float32")
    texts = [" ".join(f"w{(i * j) % 60}" for j in range(i % 9)) for i in range(1500)]
    done: list[int] = []
    parts = list(encoder.stream_documents((text for text in texts), progress=done.append))
    assert [len(part) for part in parts] == [1024, 476] and sum(done) == 1500
    one_by_one = np.concatenate([encoder.encode_documents([text]) for text in texts[:40]])
    np.testing.assert_allclose(np.concatenate(parts)[:40], one_by_one, atol=1e-6)
    assert encoder.encode_documents([]).shape == (0, 32)


def test_cuts_at_max_length(make_model: Maker, tmp_path: Path) -> None:
    encoder = DenseEncoder.load(save(make_model(head=False), tmp_path / "model"), max_length=4, dtype="float32")
    vectors = encoder.encode_documents(["w1 w2", "w1 w2 w3"])  # two tokens beside [CLS] and [SEP]
    np.testing.assert_array_equal(vectors[0], vectors[1])
    with pytest.raises(ModelError, match=r"max_length must lie in 1 … 40"):
        DenseEncoder.load(encoder.name, max_length=41)


def test_settings_tell_models_apart(make_model: Maker, tmp_path: Path) -> None:
    folder = save(make_model(head=False), tmp_path / "a", prompts={"query": "w1 "})
    first = DenseEncoder.load(folder, dtype="float32").settings()
    assert json.loads(json.dumps(first)) == first
    assert first == DenseEncoder.load(folder, dtype="float32").settings()
    assert first["query_prompt"] == "w1 " and first["pooling"] == "mean"
    other = DenseEncoder.load(save(make_model(head=False, hidden_act="relu"), tmp_path / "b"), dtype="float32")
    assert other.settings()["fingerprint"] != first["fingerprint"]


def write(folder: Path, name: str, **changes: Any) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_is_refused(make_model: Maker, tmp_path: Path) -> None:
    bare = make_model(head=False)
    with pytest.raises(ModelError, match="no modules"):
        DenseEncoder.load(bare)
    with pytest.raises(ModelError, match="not a dense encoder"):
        DenseEncoder.load("splade-tiny")
    folder = save(bare, tmp_path / "model", prompts={"query": "w1 "})
    with pytest.raises(ModelError, match="dtype"):
        DenseEncoder.load(folder, dtype="float16")
    encoder = DenseEncoder.load(folder)
    with pytest.raises(InputError, match="list of texts"):
        encoder.encode_documents("w1")
    with pytest.raises(InputError, match="text 1 is int"):
        encoder.encode_documents(["w1", 2])  # type: ignore[list-item]
    with pytest.raises(InputError, match="batch_size"):
        encoder.encode_queries(["w1"], batch_size=0)

    write(folder, "1_Pooling/config.json", include_prompt=False)
    with pytest.raises(ModelError, match="prompt"):
        DenseEncoder.load(folder)
    write(folder, "1_Pooling/config.json", include_prompt=True, pooling_mode=["mean", "cls"])
    with pytest.raises(ModelError, match=r"mean \+ cls"):
        DenseEncoder.load(folder)
    write(folder, "1_Pooling/config.json", pooling_mode="weightedmean")
    with pytest.raises(ModelError, match="weightedmean"):
        DenseEncoder.load(folder)
    (folder / "1_Pooling/config.json").unlink()
    with pytest.raises(ModelError, match="is missing"):
        DenseEncoder.load(folder)


def test_weights_that_are_missing_or_broken(make_model: Maker, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = save(make_model(head=False), tmp_path / "model")
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = "encoder.layer.0.output.dense.weight"
    save_file({key: value for key, value in weights.items() if key != name}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"missing: {name}"):
        DenseEncoder.load(folder)
    save_file(weights | {name: torch.full_like(weights[name], torch.nan)}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"not finite: {name}"):
        DenseEncoder.load(folder)


def test_a_folder_of_another_kind(make_model: Maker, tmp_path: Path) -> None:
    folder = save(make_model(head=False), tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="Transformer, Pooling, Dense"):
        DenseEncoder.load(folder)
