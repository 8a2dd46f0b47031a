"""Every field of a model's description, on its way through saving, loading, training and adapting.

A field that is added to a spec has to be added here too, and then must not be lost anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from lsr import SparseEncoder
from lsr.core.errors import ModelError
from lsr.core.progress import silent
from lsr.encoding.sparse.backbone import Backbone, load_backbone
from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder
from lsr.encoding.sparse.spec import EncodingSpec, TableEncodingSpec, TableSpec, TermFrequency, TransformerSpec
from lsr.training.adapt import AdaptSettings, _config, _document, _query_table
from lsr.training.config import ModelConfig, QueryTableConfig, TowerConfig, TrainingConfig
from lsr.training.model.student import Student

TEXTS = ["w1 w2 w3 w1 w4 w5", "W7 w8", " ".join(f"w{i}" for i in range(10, 30))]
LENGTH = 16

Make = Callable[[Path], TransformerSide]


def loaded(**options: Any) -> Make:
    return lambda model: TransformerSide(load_backbone(model, **options), max_length=LENGTH)


def reading(**changes: Any) -> Make:
    return lambda model: TransformerSide(load_backbone(model), **{"max_length": LENGTH, **changes})


def lower_cased(model: Path) -> TransformerSide:
    backbone = load_backbone(model)
    backbone.spec = replace(backbone.spec, lower_case=True)
    return TransformerSide(backbone, max_length=LENGTH)


def shifted_decoder(model: Path) -> TransformerSide:
    """A bias, for which a Llama has no place."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    decoder = LlamaForCausalLM(LlamaConfig(vocab_size=70, pad_token_id=0, initializer_range=0.4, **sizes))
    folder = model.parent / "decoder"
    decoder.save_pretrained(folder)
    for file in model.glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return TransformerSide(load_backbone(folder, bias="term", bias_start=-0.5), max_length=LENGTH)


def counting(model: Path) -> TransformerSide:
    return loaded(term_frequency=TermFrequency(0.7, 0.4, 9.0), frequency_start=2.0)(model)


# A value of each field of a document side that is not its default, and a side that has it.
DOCUMENT: dict[str, tuple[Any, Make]] = {
    "pooling": ("sum", reading(pooling="sum")),
    "activation": ("log1p_relu", reading(activation="log1p_relu")),
    "max_length": (12, reading(max_length=12)),
    "prompt": ("w3 ", reading(prompt="w3 ")),
    "lower_case": (True, lower_cased),
    "head": ("term_weights", loaded(head="term_weights")),
    "adjusted_head": (True, shifted_decoder),
    "echo": (True, loaded(echo=True)),
    "lexical": (True, reading(lexical=True)),
    "top_k": (3, reading(top_k=3)),
    "term_frequency": (TermFrequency(0.7, 0.4, 9.0), counting),
}
# The same of a table for queries, with what adaptation makes of it where that is something else.
QUERY: dict[str, tuple[Any, Any]] = {
    "max_length": (5, 5),
    "prompt": ("w3 ", "w3 "),
    "idf": (0.5, 0.0),  # it is in the table by then
    "count_repeats": (True, True),
}


def test_every_field_is_walked() -> None:
    assert set(DOCUMENT) == {each.name for each in fields(TransformerSpec)} - {"folder"}
    assert set(QUERY) == {each.name for each in fields(TableSpec)} - {"folder", "weights"}


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy, beside which a test may write."""
    folder = tmp_path / "language-model"
    folder.mkdir()
    for file in tiny_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def base(model: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An encoder whose documents have the field of the test."""
    torch.manual_seed(2)  # of a new head
    save_encoder(tmp_path / "base", document=DOCUMENT[request.param][1](model))
    return tmp_path / "base"


each_field = pytest.mark.parametrize(("base", "field"), [(name, name) for name in DOCUMENT], indirect=["base"])


def documents(folder: Path) -> tuple[TransformerSpec, np.ndarray]:
    encoder = SparseEncoder.load(folder, dtype="float32")
    assert isinstance(encoder.spec.document, TransformerSpec)
    return encoder.spec.document, encoder.encode_documents(TEXTS).to_scipy().toarray()


@each_field
def test_a_field_is_saved_loaded_and_copied(base: Path, field: str, model: Path, tmp_path: Path) -> None:
    value = DOCUMENT[field][0]
    spec, vectors = documents(base)
    assert getattr(spec, field) == value != getattr(TransformerSpec(base), field)
    SparseEncoder.load(base).save(tmp_path / "copy")
    copied, vectors_of_copy = documents(tmp_path / "copy")
    assert replace(copied, folder=spec.folder) == spec
    np.testing.assert_array_equal(vectors_of_copy, vectors)
    # The field matters: without it the vectors are others.
    if field != "adjusted_head":
        plain = load_backbone(model, head=None if field != "head" else "vocabulary")
        save_encoder(tmp_path / "plain", document=TransformerSide(plain, max_length=LENGTH))
        assert not np.array_equal(documents(tmp_path / "plain")[1], vectors)


@each_field
def test_a_field_that_a_recipe_chooses_or_its_base_has_is_trained(base: Path, field: str, tmp_path: Path) -> None:
    value = DOCUMENT[field][0]
    chosen = {"max_length": LENGTH}
    if field in {each.name for each in fields(EncodingSpec)}:
        chosen[field] = value
    elif field == "term_frequency":
        assert TowerConfig().term_frequency is None  # the model's own
    record = TrainingConfig(data=[], model=ModelConfig(document=TowerConfig(base=str(base), **chosen))).to_record()
    content = {"model": record["model"], "data": [{"source": "x"}], "run": {"steps": 1}}
    student = Student(TrainingConfig.from_record(content, "test").model).eval()
    student.save(tmp_path / "trained")
    spec, vectors = documents(base)
    trained, vectors_of_trained = documents(tmp_path / "trained")
    assert getattr(trained, field) == value
    assert replace(trained, folder=spec.folder) == spec
    np.testing.assert_allclose(vectors_of_trained, vectors, rtol=1e-5, atol=1e-6)


@each_field
def test_a_field_is_kept_in_adapting(base: Path, field: str, tmp_path: Path) -> None:
    value = DOCUMENT[field][0]
    settings = AdaptSettings(base=str(base), max_length=12 if field == "max_length" else LENGTH)
    document = _document(SparseEncoder.load(base), settings)
    Student(ModelConfig(document=document)).eval().save(tmp_path / "adapted")
    spec, vectors = documents(base)
    adapted, vectors_of_adapted = documents(tmp_path / "adapted")
    assert getattr(adapted, field) == value
    assert replace(adapted, folder=spec.folder) == spec
    np.testing.assert_allclose(vectors_of_adapted, vectors, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("field", QUERY)
def test_a_field_of_a_query_table(field: str, model: Path, tmp_path: Path) -> None:
    """Saved, loaded, copied; chosen by a recipe and trained; kept in adapting."""
    value, adapted = QUERY[field]
    weights = np.linspace(0.5, 2, 65, dtype=np.float32)  # one for each token
    document = TransformerSide(load_backbone(model), max_length=LENGTH)
    save_encoder(tmp_path / "base", document=document, query=TableSide(weights, **{"max_length": 30, field: value}))
    base = SparseEncoder.load(tmp_path / "base")
    assert getattr(queries(base), field) == value != getattr(TableEncodingSpec(), field)
    base.save(tmp_path / "copy")
    assert queries(SparseEncoder.load(tmp_path / "copy")).encoding() == queries(base).encoding()

    chosen = ModelConfig(
        document=TowerConfig(base=str(model), max_length=LENGTH), query=QueryTableConfig(table="ones", **{field: value})
    )
    record = TrainingConfig(data=[], model=chosen).to_record()
    content = {"model": record["model"], "data": [{"source": "x"}], "run": {"steps": 1}}
    Student(TrainingConfig.from_record(content, "test").model).save(tmp_path / "trained")
    assert getattr(queries(SparseEncoder.load(tmp_path / "trained")), field) == value

    table = _query_table(base, TEXTS, tmp_path / "table.safetensors", silent)  # type: ignore[arg-type]
    settings = AdaptSettings(base=str(tmp_path / "base"), max_length=LENGTH)
    Student(ModelConfig(document=_document(base, settings), query=table)).save(tmp_path / "adapted")
    encoder = SparseEncoder.load(tmp_path / "adapted")
    assert queries(encoder).encoding() == {**queries(base).encoding(), field: adapted, "idf": 0.0}
    blended = load_file(tmp_path / "table.safetensors")["weight"]
    np.testing.assert_array_equal(encoder.query_table, blended[: len(encoder.query_table)])


def queries(encoder: SparseEncoder) -> TableSpec:
    assert isinstance(encoder.spec.query, TableSpec)
    return encoder.spec.query


def test_what_cannot_be_adapted_is_refused(model: Path, tmp_path: Path) -> None:
    """Queries that are read otherwise would be read as documents are."""
    backbone: Backbone = load_backbone(model)
    document, query = (TransformerSide(backbone, max_length=LENGTH, prompt=prompt) for prompt in ("w1 ", "w2 "))
    save_encoder(tmp_path / "base", document=document, query=query)
    with pytest.raises(ModelError, match="has separate models for queries and documents"):
        _config([], tmp_path, AdaptSettings(base=str(tmp_path / "base")), None, silent)


def test_a_table_cannot_be_trained() -> None:
    class Table:
        class spec:
            document = TableSpec(Path(), Path())

    with pytest.raises(ModelError, match="no model to train"):
        _document(Table(), AdaptSettings(base="tables"))  # type: ignore[arg-type]
