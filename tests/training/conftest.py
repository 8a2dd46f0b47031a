"""A tiny model and a tiny training set, made on the fly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

WORDS = [f"w{i}" for i in range(60)]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 70 terms with its tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bert")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    BertForMaskedLM(
        BertConfig(vocab_size=70, max_position_embeddings=48, pad_token_id=0, initializer_range=0.4, **sizes)
    ).save_pretrained(folder)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(special + WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=40, **names
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 queries of two words, each with a text that holds them, three that do not, and scores."""
    from lsr.training.data import TrainingSetWriter

    folder = tmp_path_factory.mktemp("tiny-set") / "set"
    random = np.random.default_rng(0)
    with TrainingSetWriter(folder) as writer:
        rows, texts = [], []
        for i in range(60):
            texts.append(random.choice(WORDS, 8, replace=False).tolist())
            rows.append(writer.add_text(f"t{i}", " ".join(texts[-1])))
        for i in range(40):
            negatives = random.choice([j for j in range(60) if j != i], 3, replace=False)
            scores = [4.0, *random.normal(0, 1, 3).round(3).tolist()]
            writer.add(f"q{i}", " ".join(texts[i][:2]), [rows[i]], [rows[j] for j in negatives], scores)
    return folder


@pytest.fixture
def recipe(tiny_model: Path, tiny_set: Path) -> dict[str, Any]:
    """A configuration that trains the one on the other in a second."""
    return {
        "data": [{"source": str(tiny_set)}],
        "model": {"document": {"base": str(tiny_model), "max_length": 16}},
        "losses": [{"name": "info_nce"}, {"name": "kl", "weight": 0.5}],
        "document_regularisers": [{"name": "flops", "strength": 0.001}],
        "query_regularisers": [{"name": "l1", "strength": 0.001}],
        "run": {"steps": 8, "batch_size": 4, "negatives": 2, "learning_rate": 1e-3, "log_every": 1, "save_every": 3},
    }
