"""A small training set, and models small enough to be made on the fly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lsr.training.data import TrainingSet, TrainingSetWriter

TEXTS = {
    "tern": "A seabird that flies from the Arctic to the Antarctic and back each year.",
    "bread": "Bread leavened by wild yeast kept alive in a starter of flour and water.",
    "glacier": "A body of dense ice that moves slowly downhill under its own weight.",
    "bicycle": "A vehicle with two wheels, driven by pedals and steered by handlebars.",
    "violin": "A string instrument played with a bow; smaller than the viola.",
    "unused": "No query has this text among its candidates.",
}
EXAMPLES = [
    ("q0", "which bird migrates between the poles", ["tern"], ["glacier", "bicycle", "bread"]),
    ("q1", "how is sourdough bread raised", ["bread"], ["tern"]),
    ("q2", "instruments with strings", ["violin", "bicycle"], ["bread", "glacier"]),
    ("q0", "which bird migrates between the poles", ["tern"], []),
]


@pytest.fixture
def training_set(tmp_path: Path) -> TrainingSet:
    with TrainingSetWriter(tmp_path / "set", about={"source": "made"}) as writer:
        rows = {id: writer.add_text(id, text) for id, text in TEXTS.items()}
        for query_id, query, positives, negatives in EXAMPLES:
            writer.add(query_id, query, [rows[id] for id in positives], [rows[id] for id in negatives])
    return TrainingSet.open(tmp_path / "set")


@pytest.fixture(scope="session")
def make_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that writes a random cross-encoder and returns its folder."""

    def make(labels: int = 1, **changes: Any) -> Path:
        import torch
        from transformers import BertConfig, BertForSequenceClassification

        folder = tmp_path_factory.mktemp("cross")
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        config = BertConfig(
            vocab_size=200,
            max_position_embeddings=48,
            num_labels=labels,
            initializer_range=0.4,
            **(sizes | changes),
        )
        BertForSequenceClassification(config).save_pretrained(folder)
        write_tokenizer(folder)
        return folder

    return make


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted({word for text in [*TEXTS.values(), *(e[1] for e in EXAMPLES)] for word in text.lower().split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=40, **names).save_pretrained(folder)
