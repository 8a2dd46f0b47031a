"""Inference-free encoding: a weight per token, without running a model.

A query is the set of its tokens, each with its weight: an IDF (Geng et al. 2024, https://arxiv.org/abs/2411.04403) or
a learned one, times the number of its occurrences if the model counts them. sentence-transformers calls this a
SparseStaticEmbedding, OpenSearch an `idf.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lsr.core.errors import ModelError
from lsr.encoding.shared.folder import read_json
from lsr.encoding.shared.tokens import TextTokenizer
from lsr.encoding.sparse.rows import Row
from lsr.encoding.sparse.spec import TableSpec


class StaticTower:
    """Looks up the weight of each distinct token of a text.

    Attributes:
        table: float32, the weight of each token id. Tokens whose weight is not above zero never appear in a vector.
    """

    dtype: str | None = None  # there is no model that computes in one
    top_k: int | None = None

    def __init__(self, spec: TableSpec, *, dim: int | None = None, max_length: int | None = None) -> None:
        self.spec = spec
        self.max_length = max_length or spec.max_length
        self.tokenizer = TextTokenizer(
            spec.folder, max_length=self.max_length, special_tokens=False, prompt=spec.prompt
        )
        self.table = read_table(spec.weights, self.tokenizer.token_ids())
        self.dim = max(dim or 0, len(self.table))  # the document side's head may be wider than the tokenizer

    def with_table(self, table: npt.NDArray[np.float32]) -> StaticTower:
        """The same with other weights, into which an IDF is already blended."""
        tower = copy(self)
        tower.table, tower.spec = table, replace(self.spec, idf=0.0)
        return tower

    def encode(
        self, texts: Sequence[str], *, batch_size: int = 64, progress: Callable[[int], None] | None = None
    ) -> list[Row]:
        """One (term ids, weights) pair per text, in order. There is nothing to batch."""
        rows = [self._encode(text) for text in texts]
        if progress:
            progress(len(rows))
        return rows

    def _encode(self, text: str) -> Row:
        terms, counts = np.unique(np.array(self.tokenizer.encode_one(text), dtype=np.uint32), return_counts=True)
        weights = self.table[terms]
        if self.spec.count_repeats:
            weights = weights * counts.astype(np.float32)
        positive = weights > 0
        return terms[positive], weights[positive]


def read_table(path: Path, tokens: Mapping[str, int]) -> npt.NDArray[np.float32]:
    """The weight of each token id: float32, at least as many as there are ids.

    Args:
        path: a .json file of tokens and weights, those left out being zero, or a .safetensors file with a `weight`.
        tokens: each token's id, as of `TextTokenizer.token_ids`.

    ModelError if the file cannot be read, is of another form, or does not fit the tokens.
    """
    if path.suffix == ".json":
        try:
            table = read_json(path)
            weights = np.zeros(len(tokens), dtype=np.float32)
            for token, weight in table.items():
                weights[tokens[token]] = weight
        except KeyError as error:
            raise ModelError(f"{path}: the token {error} is not in the tokenizer beside it") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} is not a table of tokens and weights: {error}") from None
    else:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from None
        if set(tensors) != {"weight"} or tensors["weight"].ndim != 1:
            raise ModelError(f"{path} contains {sorted(tensors)}; expected one vector, 'weight'")
        weights = tensors["weight"].astype(np.float32)
    if len(weights) <= max(tokens.values()):
        raise ModelError(f"{path} has {len(weights)} weights for a tokenizer of {max(tokens.values()) + 1} tokens")
    if not np.isfinite(weights).all():
        raise ModelError(f"{path}: the weight of token id {int((~np.isfinite(weights)).argmax())} is not a number")
    return weights
