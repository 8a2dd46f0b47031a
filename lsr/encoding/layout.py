"""Read what a model folder says it is, without loading the model (and without torch).

Three layouts are understood:

- a bare masked-LM checkpoint, taken as SPLADE with max pooling (Formal et al. 2021, https://arxiv.org/abs/2109.10086);
  with an `idf.json` beside it, queries are encoded by that table (OpenSearch's doc-only models);
- a sentence-transformers SparseEncoder: a masked LM and a SpladePooling;
- the same with a Router, whose query side may be a SparseStaticEmbedding: a table of token weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lsr.errors import ModelError

POOLINGS = ("max", "sum")
ACTIVATIONS = ("relu", "log1p_relu")

# Beyond this, attention costs more than the extra text is worth; long documents go by windows instead.
LENGTH_CAP = 512

_TRANSFORMERS = ("Transformer", "MLMTransformer")


@dataclass(frozen=True, slots=True)
class TransformerSpec:
    """A masked LM whose logits are pooled over tokens."""

    folder: Path
    pooling: str = "max"
    activation: str = "relu"
    max_length: int = LENGTH_CAP
    prompt: str = ""
    lower_case: bool = False

    def same_model(self, other: Spec) -> bool:
        """Whether the other differs in nothing but what is done to the text before."""
        return isinstance(other, TransformerSpec) and self == replace(other, prompt=self.prompt)

    def describe(self) -> dict[str, Any]:
        """What decides the vectors, as JSON values."""
        return {
            "kind": "transformer",
            "pooling": self.pooling,
            "activation": self.activation,
            "prompt": self.prompt,
            "fingerprint": fingerprint(
                [*weight_files(self.folder), self.folder / "config.json", *_tokenizer(self.folder)]
            ),
        }


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A weight per token: a query is the set of its tokens, weighted. `weights` is a .safetensors or .json file."""

    folder: Path
    weights: Path
    max_length: int = LENGTH_CAP
    prompt: str = ""

    def describe(self) -> dict[str, Any]:
        """What decides the vectors, as JSON values."""
        files = [self.weights, *_tokenizer(self.folder)]
        return {"kind": "table", "prompt": self.prompt, "fingerprint": fingerprint(files)}


Spec = TransformerSpec | TableSpec


@dataclass(frozen=True, slots=True)
class Layout:
    """The two towers of a model; they are equal where one encodes both sides."""

    document: Spec
    query: Spec

    @property
    def one_model(self) -> bool:
        """Whether one transformer serves both sides."""
        return isinstance(self.document, TransformerSpec) and self.document.same_model(self.query)

    def override(self, pooling: str | None, activation: str | None) -> Layout:
        """The same with another pooling or activation in its transformers."""
        _choose(pooling, POOLINGS, "pooling")
        _choose(activation, ACTIVATIONS, "activation")

        def change(spec: Spec) -> Spec:
            if isinstance(spec, TableSpec):
                return spec
            return replace(spec, pooling=pooling or spec.pooling, activation=activation or spec.activation)

        return Layout(change(self.document), change(self.query))


def read_layout(folder: Path) -> Layout:
    """Read the folder's configuration files. ModelError if it isn't a sparse encoder."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a model folder")
    try:
        return _layout(folder)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"the configuration files in {folder} have not the form they should have: {reason}") from error


def _layout(folder: Path) -> Layout:
    modules_file = folder / "modules.json"
    if not modules_file.exists():
        return _bare(folder)
    prompts = _read_optional(folder / "config_sentence_transformers.json").get("prompts") or {}
    modules = sorted(_read(modules_file), key=lambda module: module["idx"])
    kinds = [_kind(module["type"]) for module in modules]
    if kinds == ["Router"]:
        return _router(folder / modules[0]["path"], prompts)
    chain = [(kind, folder / module["path"]) for kind, module in zip(kinds, modules, strict=True)]
    return Layout(
        _chain(chain, prompts.get("document") or "", folder),
        _chain(chain, prompts.get("query") or "", folder),
    )


def head_width(spec: Spec) -> int | None:
    """The number of terms that the configuration records, or None where only the weights know."""
    if isinstance(spec, TransformerSpec):
        return _read(spec.folder / "config.json").get("vocab_size")
    return None


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the model's weights. ModelError if there are none."""
    for pattern in ("model*.safetensors", "pytorch_model*.bin"):
        if files := sorted(folder.glob(pattern)):
            return files
    raise ModelError(f"{folder} holds no weights: expected model.safetensors (or pytorch_model.bin)")


def fingerprint(files: Sequence[Path]) -> str:
    """SHA-256 over the bytes of these files, in this order: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def _bare(folder: Path) -> Layout:
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} is not a model folder: it holds neither modules.json nor config.json")
    document = _transformer(folder, {}, "")
    table = folder / "idf.json"
    return Layout(document, TableSpec(folder, table, document.max_length) if table.exists() else document)


def _router(folder: Path, prompts: dict[str, str]) -> Layout:
    path = folder / "router_config.json"
    config = _read(path if path.exists() else folder / "config.json")
    towers = {}
    for side in ("document", "query"):
        if side not in config["structure"]:
            raise ModelError(f"{folder}: the router has no route {side!r}, only {', '.join(config['structure'])}")
        chain = [(_kind(config["types"][name]), folder / name) for name in config["structure"][side]]
        towers[side] = _chain(chain, prompts.get(side) or "", folder)
    return Layout(**towers)


def _chain(modules: list[tuple[str, Path]], prompt: str, folder: Path) -> Spec:
    kinds = [kind for kind, _ in modules]
    if len(kinds) == 2 and kinds[0] in _TRANSFORMERS and kinds[1] == "SpladePooling":
        return _transformer(modules[0][1], _read(modules[1][1] / "config.json"), prompt)
    if kinds == ["SparseStaticEmbedding"]:
        return _table(modules[0][1], prompt)
    hint = ""
    if "Pooling" in kinds:
        hint = ": it gives dense vectors" if "SparseAutoEncoder" not in kinds else ": its terms are not words"
    raise ModelError(
        f"{folder} is not a learned sparse encoder{hint}. Its modules are {', '.join(kinds)}; "
        "expected a masked language model with SpladePooling, or a SparseStaticEmbedding"
    )


def _transformer(folder: Path, pooling: dict[str, Any], prompt: str) -> TransformerSpec:
    config = _read(folder / "config.json")
    recorded = _read_optional(folder / "sentence_bert_config.json")
    limits = [LENGTH_CAP, position_limit(config), recorded.get("max_seq_length"), _tokenizer_limit(folder)]
    strategy, activation = pooling.get("pooling_strategy", "max"), pooling.get("activation_function", "relu")
    _choose(strategy, POOLINGS, f"{folder}: pooling_strategy")
    _choose(activation, ACTIVATIONS, f"{folder}: activation_function")
    return TransformerSpec(
        folder,
        strategy,
        activation,
        min(limit for limit in limits if limit),
        prompt,
        bool(recorded.get("do_lower_case")),
    )


def _table(folder: Path, prompt: str) -> TableSpec:
    path = _read_optional(folder / "config.json").get("path")
    weights = folder / "model.safetensors"
    if path:
        weights = folder / Path(path).name
    elif not weights.exists():
        weights = folder / "idf.json"
    if not weights.exists():
        raise ModelError(f"{folder} holds no token weights: expected {weights.name} or model.safetensors")
    return TableSpec(folder, weights, min(LENGTH_CAP, _tokenizer_limit(folder) or LENGTH_CAP), prompt)


def position_limit(config: dict[str, Any]) -> int | None:
    """How many tokens the model's position embeddings allow, from its config.json; None if it doesn't say."""
    limit = config.get("max_position_embeddings")
    if not limit or limit < 0:
        return None
    # RoBERTa and its relatives number positions from padding_idx + 1.
    if config.get("model_type") in ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer"):
        limit -= (config.get("pad_token_id") or 0) + 1
    return int(limit)


def _tokenizer_limit(folder: Path) -> int | None:
    limit = _read_optional(folder / "tokenizer_config.json").get("model_max_length")
    return int(limit) if limit and limit < 10**9 else None  # transformers writes 1e30 for "no limit"


def _tokenizer(folder: Path) -> list[Path]:
    for names in (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt")):
        files = [folder / name for name in names]
        if all(file.exists() for file in files):
            return files
    return []


def _kind(type: str) -> str:
    return type.rsplit(".", 1)[-1]


def _choose(value: str | None, choices: tuple[str, ...], what: str) -> None:
    if value is not None and value not in choices:
        raise ModelError(f"{what} is {value!r}; it can be {' or '.join(choices)}")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent} is not a complete model folder: {path.name} is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from None


def _read_optional(path: Path) -> dict[str, Any]:
    return _read(path) if path.exists() else {}
