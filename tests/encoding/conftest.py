"""Tiny models made on the fly, and a few texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = [f"w{i}" for i in range(60)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Short, long and unknown; lengths differ so that batches hold padding."""
    return [
        "w1 w2 w3",
        "w2",
        " ".join(WORDS),
        "w5",
        "nothing known here",
        " ".join(["w7 w8 w9"] * 30),
        "w10 w11 w12 w13 w14 w15",
    ]


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """A function that writes a random masked LM with its tokenizer and returns the folder."""

    def make(kind: str = "bert", head: bool = True, **changes: Any) -> Path:
        import torch
        import transformers

        folder = tmp_path_factory.mktemp(kind)
        torch.manual_seed(0)
        sizes: dict[str, Any] = {"vocab_size": 70, "max_position_embeddings": 48, "pad_token_id": 0}
        name = {"bert": "Bert", "distilbert": "DistilBert", "roberta": "Roberta", "modernbert": "ModernBert"}[kind]
        if kind == "distilbert":
            sizes |= {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}
        else:
            sizes |= {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        if kind == "modernbert":
            sizes |= {"cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
        # Random weights of the usual size give logits near zero; larger ones give vectors worth comparing.
        config = getattr(transformers, f"{name}Config")(**(sizes | {"initializer_range": 0.4} | changes))
        model = getattr(transformers, f"{name}{'ForMaskedLM' if head else 'Model'}")(config)
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.3)
        model.save_pretrained(folder)
        write_tokenizer(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def make_decoder(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """A function that writes a random causal LM with its tokenizer and returns the folder."""

    def make(kind: str = "llama", bos: bool = True, **changes: Any) -> Path:
        import torch
        import transformers

        folder = tmp_path_factory.mktemp(kind)
        torch.manual_seed(1)
        name = {"gpt2": "GPT2LMHeadModel", "gpt_neox": "GPTNeoXForCausalLM"}.get(kind, f"{kind.title()}ForCausalLM")
        architecture = getattr(transformers, name)
        sizes: dict[str, Any] = {"vocab_size": 70, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
        sizes |= {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        sizes |= {"num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 96}
        if kind == "gpt2":
            sizes |= {"n_positions": 96}
        config = architecture.config_class(**(sizes | {"initializer_range": 0.4} | changes))
        architecture(config).save_pretrained(folder)
        write_tokenizer(folder, "[CLS] $A" if bos else "$A")
        return folder

    return make


@pytest.fixture(scope="session")
def make_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """A function that writes a random cross-encoder with its tokenizer and returns the folder."""

    def make(labels: int = 1) -> Path:
        import torch
        from transformers import BertConfig, BertForSequenceClassification

        folder = tmp_path_factory.mktemp("cross")
        torch.manual_seed(2)
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        config = BertConfig(
            vocab_size=70, max_position_embeddings=48, num_labels=labels, initializer_range=0.4, **sizes
        )
        BertForSequenceClassification(config).save_pretrained(folder)
        write_tokenizer(folder)
        return folder

    return make


def write_tokenizer(folder: Path, template: str = "[CLS] $A [SEP]") -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(SPECIAL + WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=template,
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=40, **names
    ).save_pretrained(folder)
