"""Encode with a small BERT in numpy, so that a single query need not wait for torch and transformers to load.

The float32 arithmetic of `lsr.encoding.sparse.transformer`, added up in another order: weights agree to about six
digits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr.encoding.shared.folder import position_limit
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.rows import Row
from lsr.encoding.sparse.spec import TransformerSpec

_Floats = npt.NDArray[np.float32]

_BLOCK = 1 << 22  # numbers in a block of [terms, tokens]


class LightTower:
    """A BERT whose logits are pooled over the tokens of a text. Made by `light_tower`."""

    dtype = "float32"

    def __init__(
        self,
        spec: TransformerSpec,
        config: dict[str, Any],
        weights: dict[str, _Floats],
        *,
        max_length: int,
        special_tokens: bool,
    ) -> None:
        self.spec = spec
        self.special_tokens = special_tokens
        self.max_length = max_length
        self.top_k = spec.top_k
        self.tokenizer = TextTokenizer(
            spec.folder, max_length=max_length, prompt=spec.prompt, lower_case=spec.lower_case
        )
        self.dim = int(config["vocab_size"])
        self.tokenizer.check_fit(self.dim)
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self._weights = weights

    def encode(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> list[Row]:
        """One (term ids, weights) pair per text, in order. Texts are run one by one."""
        rows = []
        for text in texts:
            rows.append(self._encode(np.array(self.tokenizer.encode_one(text), np.int64)))
            if progress:
                progress(1)
        return rows

    def _encode(self, tokens: npt.NDArray[np.int64]) -> Row:
        kept = slice(None) if self.special_tokens else ~np.isin(tokens, self.tokenizer.special_ids)
        hidden = self._run(tokens)[kept] if len(tokens) else np.empty((0, 0), np.float32)
        if not len(hidden):
            return np.empty(0, np.uint32), np.empty(0, np.float32)
        pooled = self._pool(hidden)
        terms = np.flatnonzero(pooled > 0).astype(np.uint32)
        return terms, pooled[terms]

    def _run(self, tokens: npt.NDArray[np.int64]) -> _Floats:
        """From tokens to the input of the last layer: float32 [tokens, hidden]."""
        embeddings = self._weights["bert.embeddings.word_embeddings.weight"][tokens]
        embeddings = embeddings + self._weights["bert.embeddings.token_type_embeddings.weight"][0]
        embeddings += self._weights["bert.embeddings.position_embeddings.weight"][: len(tokens)]
        hidden = self._normalise("bert.embeddings.LayerNorm", embeddings)
        for number in range(self._layers):
            layer = f"bert.encoder.layer.{number}"
            attended = self._linear(f"{layer}.attention.output.dense", self._attend(f"{layer}.attention.self", hidden))
            hidden = self._normalise(f"{layer}.attention.output.LayerNorm", attended + hidden)
            wide = _gelu(self._linear(f"{layer}.intermediate.dense", hidden))
            narrow = self._linear(f"{layer}.output.dense", wide)
            hidden = self._normalise(f"{layer}.output.LayerNorm", narrow + hidden)
        transformed = _gelu(self._linear("cls.predictions.transform.dense", hidden))
        return self._normalise("cls.predictions.transform.LayerNorm", transformed)

    def _attend(self, name: str, hidden: _Floats) -> _Floats:
        length, width = hidden.shape
        query, key, value = (
            self._linear(f"{name}.{part}", hidden).reshape(length, self._heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.float32(np.sqrt(width // self._heads))
        shares = np.exp(scores - scores.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        return (shares @ value).swapaxes(0, 1).reshape(length, width)

    def _linear(self, name: str, hidden: _Floats) -> _Floats:
        return hidden @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normalise(self, name: str, hidden: _Floats) -> _Floats:
        centred = hidden - hidden.mean(axis=1, keepdims=True)
        centred /= np.sqrt(np.square(centred).mean(axis=1, keepdims=True) + np.float32(self._epsilon))
        return centred * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _pool(self, hidden: _Floats) -> _Floats:
        """The weight of every term: float32 [vocabulary]."""
        weight = self._weights["bert.embeddings.word_embeddings.weight"]
        bias = self._weights["cls.predictions.bias"]
        pooled = np.empty(self.dim, np.float32)
        step = max(1, _BLOCK // len(hidden))
        for start in range(0, self.dim, step):
            terms = slice(start, start + step)
            logits = weight[terms] @ hidden.T
            if self.spec.pooling == "sum":
                pooled[terms] = self._activate(logits + bias[terms, None]).sum(axis=1)
            else:
                # The activation is monotone, so the maximum may come first.
                pooled[terms] = self._activate(logits.max(axis=1) + bias[terms])
        return pooled

    def _activate(self, logits: _Floats) -> _Floats:
        weights = np.log1p(np.maximum(logits, 0))
        return np.log1p(weights) if self.spec.activation == "log1p_relu" else weights


def light_tower(
    spec: TransformerSpec, *, max_length: int | None, special_tokens: bool, device: str | None, dtype: str
) -> LightTower | None:
    """The tower, or None unless the model is a complete, unmodified small BERT on the CPU in float32.

    Small means far smaller than the projection to the vocabulary, so that torch would be no faster for a query.
    """
    if device not in (None, "auto", "cpu") or dtype not in ("auto", "float32") or set(spec.extra) - {"top_k"}:
        return None
    config = _read_config(spec.folder)
    length = max_length or spec.max_length
    if config is None or length > (position_limit(config) or 0):
        return None
    shapes = _shapes(config)
    body = sum(int(np.prod(shape)) for name, shape in shapes.items() if len(shape) == 2 and "embeddings" not in name)
    if 4 * body > config["vocab_size"] * config["hidden_size"]:
        return None
    weights = _read_weights(spec.folder / "model.safetensors", shapes)
    if weights is None:
        return None
    return LightTower(spec, config, weights, max_length=length, special_tokens=special_tokens)


def _read_config(folder: Path) -> dict[str, Any] | None:
    """The configuration of a BERT that differs from the original only in size, or None."""
    optional = {
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    }
    expected = optional | {"model_type": "bert", "architectures": ["BertForMaskedLM"]}
    try:
        config = optional | {"layer_norm_eps": 1e-12} | json.loads((folder / "config.json").read_text("utf-8"))
        plain = all(config[name] == value for name, value in expected.items())
        return config if plain and config["hidden_size"] % config["num_attention_heads"] == 0 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Every weight of a masked-LM BERT and its shape."""
    width, wide, terms = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (terms, width),
        "bert.embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
        "bert.embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
        "cls.predictions.bias": (terms,),
    }
    layers = [f"bert.encoder.layer.{number}" for number in range(config["num_hidden_layers"])]
    linear = {"cls.predictions.transform.dense": (width, width)}
    for layer in layers:
        linear |= {f"{layer}.attention.self.{part}": (width, width) for part in ("query", "key", "value")}
        linear[f"{layer}.attention.output.dense"] = (width, width)
        linear[f"{layer}.intermediate.dense"] = (wide, width)
        linear[f"{layer}.output.dense"] = (width, wide)
    norms = ["bert.embeddings.LayerNorm", "cls.predictions.transform.LayerNorm"]
    norms += [f"{layer}.{part}output.LayerNorm" for layer in layers for part in ("attention.", "")]
    shapes |= {f"{name}.weight": shape for name, shape in linear.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in linear.items()}
    return shapes | {f"{name}.{part}": (width,) for name in norms for part in ("weight", "bias")}


def _read_weights(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, _Floats] | None:
    """The weights of these names and shapes, stored in float32 or float16, or None if the file holds anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        stored = load_file(path)
    except (OSError, SafetensorError, KeyError, TypeError):
        return None
    # Old checkpoints' names.
    weights = {name.replace(".gamma", ".weight").replace(".beta", ".bias"): each for name, each in stored.items()}
    if {name: each.shape for name, each in weights.items()} != shapes:
        return None
    dtypes = {each.dtype for each in weights.values()}
    if len(dtypes) > 1 or not dtypes <= {np.dtype(np.float32), np.dtype(np.float16)}:
        return None
    if not all(np.isfinite(each).all() for each in weights.values()):
        return None
    return {name: each.astype(np.float32, copy=False) for name, each in weights.items()}


def _gelu(hidden: _Floats) -> _Floats:
    from scipy.special import erf

    return hidden * np.float32(0.5) * (1 + erf(hidden * np.float32(0.5**0.5)))
