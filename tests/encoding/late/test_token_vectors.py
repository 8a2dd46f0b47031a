"""Token vectors are those of sentence-transformers' MultiVectorEncoder, which reads what PyLate and ColBERT write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import MultiVectorEncoder, SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoTokenizer

from lsr.core.errors import InputError, ModelError
from lsr.encoding.late.encoder import TokenEncoder

Maker = Callable[..., Path]
Changes = dict[str, Any]


def write(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | changes))


def native(body: Path, out: Path, *, skipped: list[str], dense: Changes, transformer: Changes, prompts: Any) -> Path:
    """A folder as sentence-transformers saves it."""
    torch.manual_seed(3)
    modules = [
        Transformer(str(body), **transformer),
        Dense(32, module_input_name="token_embeddings", **dense),
        MultiVectorMask(skipped),
        Normalize("token_embeddings"),
    ]
    MultiVectorEncoder(modules=modules, prompts=prompts).save_pretrained(str(out))
    return out


@pytest.fixture(scope="session")
def make_pylate(make_model: Maker, tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """A function that writes a folder as PyLate does: dense layers, and all else in one file."""

    def make(*layers: Changes, markers: bool = True, **about: Any) -> Path:
        torch.manual_seed(4)
        body, folder = make_model(head=False), tmp_path_factory.mktemp("pylate")
        shutil.copytree(body, folder, dirs_exist_ok=True)
        if markers:  # the tiny model has embeddings for more tokens than there are
            tokenizer = AutoTokenizer.from_pretrained(folder)
            tokenizer.add_tokens(["[Q] ", "[D] "])
            tokenizer.save_pretrained(folder)
        modules = [("sentence_transformers.models.Transformer", "")]
        layers = layers or ({"out_features": 16, "activation_function": torch.nn.Identity()},)
        width = 32
        for number, layer in enumerate(layers, 1):
            dense = Dense(width, **({"bias": False} | layer))
            (folder / f"{number}_Dense").mkdir()
            dense.save(str(folder / f"{number}_Dense"))
            config = json.loads((folder / f"{number}_Dense/config.json").read_text())
            for name in ("module_input_name", "module_output_name"):
                config.pop(name)
            (folder / f"{number}_Dense/config.json").write_text(json.dumps(config))
            modules.append(("pylate.models.Dense.Dense", f"{number}_Dense"))
            width = layer["out_features"]
        listed = [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (kind, path) in enumerate(modules)]
        (folder / "modules.json").write_text(json.dumps(listed))
        recorded: Changes = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] "}
        recorded |= {"query_length": 12, "document_length": 20, "do_query_expansion": True}
        recorded |= {"attend_to_expansion_tokens": False, "skiplist_words": ["w3", "w8"], "prompts": {}}
        write(folder / "config_sentence_transformers.json", **(recorded | about))
        return folder

    return make


def compare(ours: TokenEncoder, theirs: MultiVectorEncoder, texts: list[str]) -> None:
    """Both sides of a model, text by text."""
    queries, documents = ours.encode_queries(texts, batch_size=3), of_documents(ours, texts)
    for found, expected in (
        (queries, theirs.encode_query(texts, convert_to_numpy=True)),
        (documents, theirs.encode_document(texts, convert_to_numpy=True)),
    ):
        assert [len(vectors) for vectors in found] == [len(vectors) for vectors in expected]
        for vectors, theirs_ in zip(found, expected, strict=True):
            np.testing.assert_allclose(vectors, theirs_, atol=1e-5)
            assert vectors.dtype == np.float32
    assert [len(ours.query_tokens(text)) for text in texts] == [len(vectors) for vectors in queries]


def of_documents(encoder: TokenEncoder, texts: list[str], **options: Any) -> list[np.ndarray]:
    parts = []
    for indptr, vectors in encoder.stream_documents(iter(texts), **options):
        assert indptr.dtype == np.int64 and indptr[-1] == len(vectors)
        parts.extend(vectors[start:end] for start, end in pairwise(indptr))
    return parts


@pytest.mark.parametrize(
    ("kind", "dense", "transformer", "prompts"),
    [
        ("bert", {"out_features": 16, "bias": False, "activation_function": torch.nn.Identity()}, {}, None),
        (
            "roberta",
            {"out_features": 16, "use_residual": True},
            {"query_expansion": {"strategy": "fixed", "length": 9}, "document_length": 15},
            {"query": "w4 w5 ", "document": "w6 "},
        ),
        (
            "modernbert",
            {"out_features": 32, "use_residual": True, "activation_function": torch.nn.GELU()},
            {"query_expansion": {"strategy": "min", "length": 9, "attend": True, "token": "w9"}, "query_length": 14},
            None,
        ),
        ("distilbert", {"out_features": 8}, {"query_length": 7}, None),
    ],
)
def test_parity(
    make_model: Maker, texts: list[str], tmp_path: Path, kind: str, dense: Changes, transformer: Changes, prompts: Any
) -> None:
    body = make_model(kind, head=False)
    options = {"skipped": ["w2", "w8"], "dense": dense, "transformer": transformer, "prompts": prompts}
    folder = native(body, tmp_path / "model", **options)
    ours = TokenEncoder.load(folder, dtype="float32")
    assert (ours.dim, ours.name) == (dense["out_features"], str(folder))
    compare(ours, MultiVectorEncoder(str(folder), device="cpu"), texts)


@pytest.mark.parametrize(
    ("layers", "about"),
    [
        ([], {}),
        ([], {"attend_to_expansion_tokens": True, "skiplist_words": []}),
        ([], {"do_query_expansion": False, "prompts": {"query": "w4 ", "document": "w5 "}}),
        ([], {"markers": False}),
        (
            [
                {"out_features": 24, "activation_function": torch.nn.GELU(), "use_residual": True},
                {"out_features": 24, "bias": True, "use_residual": True},
                {"out_features": 16, "activation_function": torch.nn.Identity()},
            ],
            {},
        ),
    ],
)
def test_parity_with_pylate_folders(make_pylate: Maker, texts: list[str], layers: list[Changes], about: Any) -> None:
    folder = make_pylate(*layers, **about)
    ours = TokenEncoder.load(folder, dtype="float32")
    assert (ours.dim, ours.max_length) == (16, 20)
    compare(ours, MultiVectorEncoder(str(folder), device="cpu"), texts)


def test_parity_with_a_checkpoint_of_colbert(make_model: Maker, texts: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "colbert"
    shutil.copytree(make_model(head=False), folder)
    weights = {f"bert.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    torch.manual_seed(5)
    weights["linear.weight"] = torch.randn(8, 32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    write(folder / "config.json", architectures=["HF_ColBERT"])
    for about in (
        {"query_maxlen": 10, "doc_maxlen": 22, "query_token_id": "w20", "doc_token_id": "w21", "similarity": "cosine"},
        {"attend_to_mask_tokens": True, "mask_punctuation": False},
    ):
        write(folder / "artifact.metadata", **about)
        ours = TokenEncoder.load(folder, dtype="float32")
        assert (ours.dim, ours.max_length) == (8, 22)
        compare(ours, MultiVectorEncoder(str(folder), device="cpu"), texts)
    write(folder / "artifact.metadata", similarity="l2")
    with pytest.raises(ModelError, match="by l2"):
        TokenEncoder.load(folder)


def test_a_dense_encoders_tokens(make_model: Maker, texts: list[str], tmp_path: Path) -> None:
    """Of a sentence-transformers folder without its pooling, and the same of the transformer by itself."""
    body = make_model(head=False)
    transformer = Transformer(str(body))
    prompts = {"query": "w4 w5 ", "document": "w6 "}
    theirs = SentenceTransformer(modules=[transformer, Pooling(32), Normalize()], prompts=prompts, device="cpu")
    theirs.save(str(tmp_path / "dense"))

    def expected(prompt: str | None) -> list[np.ndarray]:
        found = theirs.encode(texts, prompt_name=prompt, output_value="token_embeddings")
        return [torch.nn.functional.normalize(states, dim=1).numpy() for states in found]

    dense, bare = (TokenEncoder.load(folder, dtype="float32") for folder in (tmp_path / "dense", body))
    for found, prompt in (
        (dense.encode_queries(texts), "query"),
        (of_documents(dense, texts), "document"),
        (bare.encode_queries(texts), None),
        (of_documents(bare, texts), None),
    ):
        for vectors, others in zip(found, expected(prompt), strict=True):
            np.testing.assert_allclose(vectors, others, atol=1e-5)


def test_which_tokens_have_a_vector(make_model: Maker) -> None:
    body, text = make_model(head=False), "w1 unknown w2 w1"
    whole = TokenEncoder.load(body, dtype="float32")
    assert whole.document_tokens(text) == ["[CLS]", "w1", "[UNK]", "w2", "w1", "[SEP]"] == whole.query_tokens(text)
    skipping = TokenEncoder.load(body, dtype="float32", skipped=["w2", "never"])
    assert skipping.document_tokens(text) == ["[CLS]", "w1", "[UNK]", "w1", "[SEP]"]
    assert skipping.query_tokens(text) == whole.query_tokens(text)
    [vectors], [all_vectors] = of_documents(skipping, [text]), of_documents(whole, [text])
    np.testing.assert_allclose(vectors, all_vectors[[0, 1, 2, 4, 5]], atol=1e-6)
    words = TokenEncoder.load(body, dtype="float32", special_tokens=False)
    assert words.document_tokens(text) == ["w1", "w2", "w1"] == words.query_tokens(text)
    np.testing.assert_allclose(words.encode_queries([text])[0], all_vectors[[1, 3, 4]], atol=1e-6)
    assert [len(found) for found in of_documents(words, ["", text, "unknown"])] == [0, 3, 0]
    assert [found.shape for found in words.encode_queries(["", "w1"])] == [(0, 32), (1, 32)]
    assert words.encode_queries([]) == [] and list(words.stream_documents([])) == []


def test_the_packaged_dense_encoder() -> None:
    encoder = TokenEncoder.load("minilm", dtype="float32")
    assert (encoder.dim, encoder.max_length, encoder.name) == (384, 256, "minilm")
    text = "Hello, world - it's a test."
    assert " ".join(encoder.query_tokens(text)) == "[CLS] hello , world - it ' s a test . [SEP]"
    assert " ".join(encoder.document_tokens(text)) == "[CLS] hello world it s a test [SEP]"
    assert "," in TokenEncoder.load("minilm", dtype="float32", skipped=()).document_tokens(text)
    (query,) = encoder.encode_queries([text])
    np.testing.assert_allclose(np.linalg.norm(query, axis=1), 1, rtol=1e-6)
    low = TokenEncoder.load("minilm", dtype="bfloat16")
    assert low.dtype == "bfloat16"
    assert ((low.encode_queries([text])[0] * query).sum(1) > 0.99).all()


def test_documents_come_in_lots(make_model: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(f"w{(i * j) % 60}" for j in range(i % 9)) for i in range(50)]
    encoder = TokenEncoder.load(make_model(head=False), max_length=10, dtype="float32")
    whole = of_documents(encoder, texts)
    assert len(list(encoder.stream_documents(texts))) == 1
    monkeypatch.setattr("lsr.encoding.late.encoder._NUMBERS", 20 * 10 * 32)
    done: list[int] = []
    assert [len(indptr) for indptr, _ in encoder.stream_documents(texts, progress=done.append)] == [21, 21, 11]
    assert sum(done) == 50
    for lot, vectors in zip(of_documents(encoder, texts, batch_size=3), whole, strict=True):
        np.testing.assert_allclose(lot, vectors, atol=1e-6)


def test_max_length(make_pylate: Maker, make_model: Maker) -> None:
    text = "w1 w2 w4 w5 w6 w7"
    short = TokenEncoder.load(make_model(head=False), max_length=5, dtype="float32")
    assert short.document_tokens(text) == ["[CLS]", "w1", "w2", "w4", "[SEP]"] == short.query_tokens(text)
    late = TokenEncoder.load(make_pylate(do_query_expansion=False), max_length=5, dtype="float32")
    assert late.document_tokens(text) == ["[CLS]", "[D] ", "w1", "w2", "[SEP]"]
    assert late.query_tokens(text) == ["[CLS]", "[Q] ", "w1", "w2", "[SEP]"]
    filled = TokenEncoder.load(make_pylate(), max_length=5, dtype="float32")
    assert filled.query_tokens(text) == ["[CLS]", "[Q] ", "w1", "w2", "w4", "w5", "w6", "w7", "[SEP]", *["[MASK]"] * 3]
    assert TokenEncoder.load(make_pylate(), max_length=40, dtype="float32").max_length == 40
    with pytest.raises(ModelError, match=r"max_length must lie in 1 … 40"):
        TokenEncoder.load(make_pylate(), max_length=41)


def test_settings_tell_models_apart(make_pylate: Maker) -> None:
    folder = make_pylate()
    settings = TokenEncoder.load(folder, dtype="float32").settings()
    assert json.loads(json.dumps(settings)) == settings == TokenEncoder.load(folder, dtype="float32").settings()
    assert settings["expansion"]["length"] == 12 and settings["skipped"] == ["w3", "w8"]
    for other in (
        TokenEncoder.load(folder, max_length=7),
        TokenEncoder.load(folder, skipped=["w3"]),
        TokenEncoder.load(make_pylate(attend_to_expansion_tokens=True)),
        TokenEncoder.load(make_pylate(document_prefix="")),
        TokenEncoder.load(make_pylate({"out_features": 16, "activation_function": torch.nn.Tanh()})),
    ):
        assert other.settings() | {"model": "", "dtype": ""} != settings | {"model": "", "dtype": ""}
    weights = load_file(folder / "1_Dense/model.safetensors")
    save_file({name: 2 * tensor for name, tensor in weights.items()}, folder / "1_Dense/model.safetensors")
    assert TokenEncoder.load(folder).settings()["fingerprint"] != settings["fingerprint"]


@pytest.mark.parametrize("options", [{}, {"max_length": 9, "skipped": ["w1"]}, {"max_length": 20}])
def test_the_encoder_of_a_record(make_pylate: Maker, make_model: Maker, texts: list[str], options: Any) -> None:
    """What `settings` tells of an encoder brings it back, unless the model has changed meanwhile."""
    folder = make_pylate(do_query_expansion=False, query_length=30)
    for made in (
        TokenEncoder.load(folder, dtype="float32", **options),
        TokenEncoder.load(make_model(head=False), dtype="float32", special_tokens=False, **options),
    ):
        record = json.loads(json.dumps(made.settings()))
        again = TokenEncoder.of_record(record, dtype="float32")
        assert again.settings() == made.settings()
        for vectors, others in zip(again.encode_queries(texts), made.encode_queries(texts), strict=True):
            np.testing.assert_array_equal(vectors, others)
        assert TokenEncoder.of_record(record, dtype="bfloat16").dtype == "bfloat16"
    record = TokenEncoder.load(folder, **options).settings()
    write(folder / "config_sentence_transformers.json", document_prefix="")
    with pytest.raises(ModelError, match="not the one that made these token vectors"):
        TokenEncoder.of_record(record)
    with pytest.raises(ModelError, match="there is no model"):
        TokenEncoder.of_record(record | {"model": "/not/there"})


def test_what_is_refused(make_pylate: Maker, make_cross_encoder: Maker, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cross-encoder"):
        TokenEncoder.load(make_cross_encoder())
    with pytest.raises(ModelError, match=r"neither modules\.json nor config\.json"):
        TokenEncoder.load(tmp_path)
    with pytest.raises(ModelError, match="dtype"):
        TokenEncoder.load("minilm", dtype="float16")
    with pytest.raises(ModelError, match="mask tokens, which are special"):
        TokenEncoder.load(make_pylate(), special_tokens=False)
    encoder = TokenEncoder.load(make_pylate())
    with pytest.raises(InputError, match="list of texts"):
        encoder.encode_queries("w1")
    with pytest.raises(InputError, match="text 1 is int"):
        list(encoder.stream_documents(["w1", 2]))  # type: ignore[list-item]
    with pytest.raises(InputError, match="batch_size"):
        encoder.encode_queries(["w1"], batch_size=0)
    folder = make_pylate(query_expansion={"strategy": "fixed", "length": 9, "token": "never"})
    with pytest.raises(ModelError, match="with never, which its tokenizer does not know"):
        TokenEncoder.load(folder)
    write(folder / "config_sentence_transformers.json", query_expansion={"strategy": "other"})
    with pytest.raises(ModelError, match="the strategy 'other'"):
        TokenEncoder.load(folder)
    write(folder / "config_sentence_transformers.json", query_expansion=None, skiplist_tasks=["query"])
    with pytest.raises(ModelError, match="leaves out tokens in other texts"):
        TokenEncoder.load(folder)


def test_layers_that_do_not_fit(make_pylate: Maker) -> None:
    folder = make_pylate()
    dense, weights = folder / "1_Dense/config.json", folder / "1_Dense/model.safetensors"
    for change, says in (
        ({"activation_function": "torch.nn.modules.activation.Softmax"}, "'Softmax'; lsr knows Identity"),
        (
            {"activation_function": "torch.nn.Identity", "bias": True},
            r"model\.safetensors cannot be read.*linear\.bias",
        ),
        ({"bias": False, "module_input_name": "sentence_embedding"}, "vectors of whole texts"),
    ):
        write(dense, **change)
        with pytest.raises(ModelError, match=says):
            TokenEncoder.load(folder)
    write(dense, module_input_name="token_embeddings")
    for tensor, says in (
        (torch.ones(16, 31), r"contains \{'linear\.weight': \(16, 31\)\}; expected \{'linear\.weight': \(16, 32\)\}"),
        (torch.full((16, 32), torch.nan), r"not finite: linear\.weight"),
    ):
        save_file({"linear.weight": tensor}, weights)
        with pytest.raises(ModelError, match=says):
            TokenEncoder.load(folder)
    weights.unlink()
    with pytest.raises(ModelError, match=r"1_Dense/model\.safetensors cannot be read"):
        TokenEncoder.load(folder)
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 9, "name": "9", "path": "9", "type": "sentence_transformers.models.Normalize"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="Its modules are Transformer, Dense, Normalize; expected"):
        TokenEncoder.load(folder)
