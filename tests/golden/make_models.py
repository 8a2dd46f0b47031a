"""Tiny random models, one of each kind that lsr saves or reads: the part of make_golden.py that makes them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
WORDS, HIDDEN, LENGTH = 256, 8, 48
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
QUERIES = [
    "how do I search an index with a filter",
    "encode documents with a model of my own",
    "what a posting takes on disk",
    "dense vectors and token vectors for re-ranking",
    "train an encoder from a recipe",
    "which parameters reach a recall",
    "read a file of vectors",
    "the server and its limits",
    "prune the terms of a document",
    "windows of long documents",
    "memory of a build",
    "zzz qqq",
]


def corpus_texts() -> list[str]:
    return [json.loads(line)["text"] for line in (HERE / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]


def write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_tokenizer(folder: Path, *, decoder: bool = False, more: tuple[str, ...] = ()) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    counts = Counter(re.findall(r"\w+|[^\w\s]", " ".join(corpus_texts() + QUERIES).lower()))
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    words = SPECIAL + words[: WORDS - 14]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A" if decoder else "[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=LENGTH, **names)
    fast.add_tokens(list(more))
    fast.save_pretrained(folder)


def bert(folder: Path, seed: int, kind: str = "ForMaskedLM", bias: float = 0.0, **changes: Any) -> Path:
    import transformers

    torch.manual_seed(seed)
    sizes = {"hidden_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(
        vocab_size=WORDS, max_position_embeddings=LENGTH, pad_token_id=0, initializer_range=0.4, **sizes, **changes
    )
    model = getattr(transformers, f"Bert{kind}")(config)
    if kind == "ForMaskedLM":
        torch.nn.init.normal_(model.cls.predictions.bias, mean=bias, std=0.3)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def llama(folder: Path, seed: int, **changes: Any) -> Path:
    import transformers

    torch.manual_seed(seed)
    sizes = {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    sizes |= {"intermediate_size": 16, "head_dim": 4, "max_position_embeddings": 2 * LENGTH}
    tokens = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = transformers.LlamaConfig(vocab_size=WORDS, initializer_range=0.4, **sizes, **tokens, **changes)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    write_tokenizer(folder, decoder=True)
    return folder


def make_encoders(work: Path) -> None:
    from lsr import SparseEncoder
    from lsr.encoding.sparse.backbone import load_backbone
    from lsr.encoding.sparse.layout import TermFrequency
    from lsr.encoding.sparse.saving import TableSide, TransformerSide, save_encoder
    from lsr.training.model.lora import add_lora, merge_lora

    out, bases = HERE / "encoders", work / "bases"
    random = np.random.default_rng(5)

    def save(name: str, document: TransformerSide, query: Any = None, **options: Any) -> None:
        save_encoder(out / name / "model", document=document, query=query, **options)

    base = bert(bases / "bert", 0, bias=-2.2)
    table = np.abs(random.normal(1, 0.5, WORDS - 9)).astype(np.float32)
    table[:5] = 0
    # In sentence-transformers' layouts: one model; one model in half precision, sum pooling; two models; a table.
    save("splade", TransformerSide(load_backbone(base)), card="A random model.")
    save("sum", TransformerSide(load_backbone(base), pooling="sum", activation="log1p_relu"), dtype="float16")
    other = bert(bases / "other", 1, bias=-0.7)
    save("two-towers", TransformerSide(load_backbone(base)), TransformerSide(load_backbone(other), max_length=16))
    save("router", TransformerSide(load_backbone(base)), TableSide(table))
    # In lsr's own: what that library cannot express.
    counted = load_backbone(base, term_frequency=TermFrequency(mean_length=20.0), frequency_start=0.5)
    save("doc", TransformerSide(counted, top_k=40), TableSide(table, idf=0.5, count_repeats=True, max_length=24))
    save("lexical", TransformerSide(load_backbone(other), lexical=True, prompt="a document "))
    save("scaled", TransformerSide(load_backbone(base, scale=0.7, bias="term", bias_start=0.5), top_k=24))
    torch.manual_seed(6)
    weights = load_backbone(bert(bases / "body", 2, "Model"), head="term_weights", term_layers=2)
    save("term-weights", TransformerSide(weights, activation="no_log"))
    # Decoders: both ways, trained with LoRA, which is merged; echo.
    both = load_backbone(llama(bases / "llama", 3), attention="bidirectional", bias="scalar", bias_start=-3.0)
    add_lora(both, rank=2, alpha=4, dropout=0.0)
    with torch.no_grad():
        for name, parameter in both.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
    merge_lora(both)
    save("lora", TransformerSide(both))
    tied = llama(bases / "tied", 4, tie_word_embeddings=True)
    save("echo", TransformerSide(load_backbone(tied, echo=True, bias="scalar", bias_start=-3.0), max_length=40))
    # Both sides a table.
    folder = bases / "static"
    (folder / "side").mkdir(parents=True)
    write_tokenizer(folder / "side")
    from safetensors.numpy import save_file

    save_file({"weight": table}, folder / "side" / "model.safetensors")
    side = {"kind": "table", "folder": "side"}
    (folder / "lsr_config.json").write_text(
        json.dumps({"lsr_config": 1, "document": {**side, "max_length": 40}, "query": {**side, "max_length": 20}})
    )
    SparseEncoder.load(folder).save(out / "static" / "model")
    make_dense(out / "dense" / "model", bases)
    make_late(out / "late" / "model")
    bert(out / "cross" / "model", 9, "ForSequenceClassification", num_labels=1)
    for path in out.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


def make_dense(out: Path, bases: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    transformer = Transformer(str(bert(bases / "dense", 7, "Model")))
    modules = [transformer, Pooling(HIDDEN, "mean"), Normalize()]
    prompts = {"query": "query ", "document": ""}
    SentenceTransformer(modules=modules, prompts=prompts, similarity_fn_name="dot").save(str(out))
    (out / "README.md").unlink(missing_ok=True)


def make_late(out: Path) -> None:
    """As PyLate writes one: a dense layer, markers, expansion and words that get no vector."""
    from safetensors.torch import save_file

    bert(out, 8, "Model")
    write_tokenizer(out, more=("[Q] ", "[D] "))
    (out / "1_Dense").mkdir()
    torch.manual_seed(8)
    save_file({"linear.weight": torch.randn(8, HIDDEN)}, out / "1_Dense" / "model.safetensors")
    layer = {"in_features": HIDDEN, "out_features": 8, "bias": False}
    write_json(out / "1_Dense" / "config.json", {**layer, "activation_function": "torch.nn.modules.linear.Identity"})
    kinds = [("", "sentence_transformers.models.Transformer"), ("1_Dense", "pylate.models.Dense.Dense")]
    write_json(
        out / "modules.json", [{"idx": i, "name": str(i), "path": at, "type": t} for i, (at, t) in enumerate(kinds)]
    )
    about = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] ", "prompts": {}}
    about |= {"query_length": 12, "document_length": 32, "do_query_expansion": True}
    about |= {"attend_to_expansion_tokens": False, "skiplist_words": [",", ".", "the"]}
    write_json(out / "config_sentence_transformers.json", about)
