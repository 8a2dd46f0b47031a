"""Files of a model's folder that must agree are compared when it is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from lsr import SparseEncoder
from lsr.core.errors import ModelError
from lsr.encoding.catalogue import packaged_model
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.late.encoder import TokenEncoder
from lsr.encoding.shared.architecture import check_architecture

GOLDEN = Path(__file__).parents[1] / "golden" / "encoders"
PACKAGED = {"splade-tiny": SparseEncoder, "minilm": DenseEncoder, "lsr-doc-tiny": SparseEncoder}


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def copy_of(name: str, folder: Path) -> Path:
    """A packaged model's files in a folder of the test's."""
    packaged = packaged_model(name)
    assert packaged is not None and packaged.path is not None
    shutil.copytree(packaged.path, folder)
    return folder


def word_level(words: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


@pytest.mark.parametrize("name", PACKAGED)
def test_a_model_without_its_tokenizer_is_refused(name: str, tmp_path: Path) -> None:
    """transformers makes one up that knows no word: all texts were alike."""
    folder = copy_of(name, tmp_path / "model")
    for file in ("tokenizer.json", "vocab.txt"):
        for found in folder.rglob(file):
            found.unlink()
    with pytest.raises(ModelError, match=r"none of which is a word|no readable tokenizer"):
        PACKAGED[name].load(folder)  # type: ignore[attr-defined]
    with pytest.raises(ModelError):
        TokenEncoder.load(folder)


@pytest.mark.parametrize("door", [SparseEncoder.load, TokenEncoder.load])
def test_a_token_more_than_the_model_has(make_model: Any, door: Any) -> None:
    folder = make_model(vocab_size=65)
    door(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["newword"])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match=r"66 tokens, up to number 65, and the model 65.*'newword'"):
        door(folder)


def test_a_token_far_beyond_a_gap(make_model: Any) -> None:
    folder = make_model()
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"]["vocab"]["w59"] = 700
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match="up to number 700"):
        SparseEncoder.load(folder)


def test_a_tokenizer_of_a_model_with_far_fewer_tokens(make_model: Any) -> None:
    folder = make_model(vocab_size=10_000)
    with pytest.raises(ModelError, match="65 tokens and the model 10,000"):
        SparseEncoder.load(folder)


def test_a_tokenizer_that_reads_its_own_words_as_unknown(make_model: Any) -> None:
    folder = make_model()
    tokenizer = word_level(["[UNK]", *[f"Word{i}" for i in range(64)]])
    tokenizer.save(str(folder / "tokenizer.json"))
    SparseEncoder.load(folder)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match="words of its own vocabulary as unknown"):
        SparseEncoder.load(folder)


def test_a_tokenizer_without_a_token_for_unknown_words(make_model: Any) -> None:
    folder = make_model()
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["unk_token"] = "[ABSENT]"
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"the tokenizer in .* fails: "):
        SparseEncoder.load(folder)


def test_a_tokenizer_whose_library_panics(make_model: Any) -> None:
    """A panic is no Exception, and would end the process."""
    folder = make_model()
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    del tokenizer["post_processor"]["special_tokens"]["[SEP]"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"tokenizer"):
        SparseEncoder.load(folder)


@pytest.mark.parametrize("prompts", [{"document": [[]]}, {"query": 3}, ["a"], "text", {"other": {}}])
@pytest.mark.parametrize("name", ["splade", "dense"])
def test_prompts_that_are_no_texts(name: str, prompts: Any, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(GOLDEN / name / "model", folder)
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    with pytest.raises(ModelError, match="prompts are texts by name"):
        (SparseEncoder if name == "splade" else DenseEncoder).load(folder)


@pytest.mark.parametrize("heads", [-1, 0, 10_000])
def test_a_number_of_heads_that_cannot_be(make_model: Any, heads: int) -> None:
    folder = make_model()
    edit(folder / "config.json", num_attention_heads=heads)
    with pytest.raises(ModelError, match=f"says num_attention_heads: {heads:,}, which cannot be"):
        SparseEncoder.load(folder)


def test_padding_by_a_token_that_there_is_not(make_model: Any) -> None:
    """Padding is masked, so that it may be any token; below zero, a model says that it has none."""
    texts = ["w1", "w1 w2 w3"]
    expected = SparseEncoder.load(make_model()).encode_documents(texts)
    folder = make_model()
    edit(folder / "config.json", pad_token_id=-1)
    made = SparseEncoder.load(folder).encode_documents(texts)
    np.testing.assert_allclose(made.weights, expected.weights, rtol=1e-5)
    edit(folder / "config.json", pad_token_id=1 << 20)
    with pytest.raises(ModelError, match="says pad_token_id: 1,048,576, which is no token of the model"):
        SparseEncoder.load(folder)


def test_heads_are_not_measured_by_a_width_of_an_unknown_name(tmp_path: Path) -> None:
    """XLM calls its width `emb_dim`."""
    (tmp_path / "model.safetensors").write_bytes(b" " * 100)
    check_architecture(tmp_path, {"model_type": "xlm", "emb_dim": 64, "n_heads": 4})
    with pytest.raises(ModelError, match="says n_heads: 0, which cannot be"):
        check_architecture(tmp_path, {"model_type": "xlm", "emb_dim": 64, "n_heads": 0})


def test_special_tokens_that_are_other_words_in_the_vocabulary(make_model: Any) -> None:
    folder = make_model()
    content = json.loads((folder / "tokenizer.json").read_text())
    content["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [9]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(ModelError, match=r"puts \[CLS\] around texts as token 9, which is 'w4'"):
        SparseEncoder.load(folder)


def test_a_vocabulary_of_another_model_beside_it(make_model: Any) -> None:
    folder = make_model()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *[f"w{i}" for i in range(60)]]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    SparseEncoder.load(folder)
    (folder / "vocab.txt").write_text("\n".join(reversed(words)) + "\n")
    with pytest.raises(ModelError, match="different vocabularies"):
        SparseEncoder.load(folder)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": "1.0"}', "[" * 100_000])
def test_a_tokenizer_that_is_none(make_model: Any, content: str) -> None:
    folder = make_model()
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match="not a readable tokenizer"):
        SparseEncoder.load(folder)


def test_a_query_side_that_numbers_its_tokens_otherwise(tmp_path: Path) -> None:
    """Its tokens would be looked up as other words of the documents."""
    folder = copy_of("lsr-doc-tiny", tmp_path / "model")
    content = json.loads((folder / "document" / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary["bird"], vocabulary["train"] = vocabulary["train"], vocabulary["bird"]
    (folder / "query" / "tokenizer.json").write_text(json.dumps(content))
    description = json.loads((folder / "lsr_config.json").read_text())
    description["query"]["tokenizer"] = "query"
    (folder / "lsr_config.json").write_text(json.dumps(description))
    for queries_only in (False, True):
        with pytest.raises(ModelError, match=r"number their tokens differently \(2 of them\)"):
            SparseEncoder.load(folder, queries_only=queries_only)


def test_a_layer_that_the_configuration_leaves_out(tmp_path: Path) -> None:
    folder = copy_of("minilm", tmp_path / "model")
    edit(folder / "config.json", num_hidden_layers=3)
    with pytest.raises(ModelError, match=r"left over: .*layer\.3"):
        DenseEncoder.load(folder)


def test_a_layer_that_the_weights_lack(tmp_path: Path) -> None:
    folder = copy_of("minilm", tmp_path / "model")
    edit(folder / "config.json", num_hidden_layers=7)
    with pytest.raises(ModelError, match=r"missing: .*layer\.6"):
        DenseEncoder.load(folder)


def test_a_pooling_of_another_size(tmp_path: Path) -> None:
    folder = copy_of("minilm", tmp_path / "model")
    edit(folder / "1_Pooling" / "config.json", word_embedding_dimension=768)
    with pytest.raises(ModelError, match=r"768 numbers.*gives 384"):
        DenseEncoder.load(folder)


def test_a_table_of_another_vocabulary(make_model: Any) -> None:
    folder = make_model()
    (folder / "idf.json").write_text(json.dumps({"w1": 1.0, "elsewhere": 2.0}))
    with pytest.raises(ModelError, match="'elsewhere' is not in the tokenizer"):
        SparseEncoder.load(folder)


def test_a_table_of_another_length(tmp_path: Path) -> None:
    folder = copy_of("lsr-doc-tiny", tmp_path / "model")
    table = load_file(folder / "query" / "model.safetensors")["weight"]
    for weights, message in ((table[:-100], "for a tokenizer of"), (np.append(table, table), "queries have")):
        save_file({"weight": weights}, folder / "query" / "model.safetensors")
        with pytest.raises(ModelError, match=message):
            SparseEncoder.load(folder)


def test_a_special_token_beyond_the_model_is_no_harm_until_a_text_holds_it(make_model: Any) -> None:
    """Conversions of other formats add such; no text has them."""
    from lsr.core.errors import InputError

    folder = make_model(vocab_size=65)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    encoder = SparseEncoder.load(folder)
    assert len(encoder.encode_documents(["w1"])) == 1
    with pytest.raises(InputError, match=r"holds <\|end\|>"):
        encoder.encode_documents(["w1 <|end|> w2"])
