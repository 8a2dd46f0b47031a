"""Read a model folder's configuration for token vectors, without loading the model (and without torch).

Four layouts are understood:

- a late-interaction model that PyLate or sentence-transformers' MultiVectorEncoder saved: a transformer, dense layers;
- a checkpoint of ColBERT's own code (Khattab and Zaharia 2020, arXiv:2004.12832), such as colbert-ir/colbertv2.0;
- a dense sentence-transformers encoder, whose pooling is left out;
- a bare transformer.

The last two were not trained for late interaction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from string import punctuation
from typing import Any

from lsr.core.errors import ModelError
from lsr.encoding.dense.layout import document_prompt, length_limit, read_dense_layout
from lsr.encoding.shared.folder import (
    ABOUT,
    MODULES,
    fingerprint,
    model_files,
    read_json,
    read_modules,
    read_optional,
    read_prompts,
    reading,
    weight_files,
)
from lsr.encoding.sparse.layout import bare_spec

# Tokens of a query and of a document if a late-interaction model records none, as in PyLate.
_QUERY_LENGTH, _DOCUMENT_LENGTH = 32, 180


@dataclass(frozen=True, slots=True)
class TokenSide:
    """How the texts of one side are read.

    Attributes:
        max_length: tokens read of a text, special tokens, prompt and marker included.
        prompt: put before each text.
        marker: a token inserted after the first one, which tells the model the side; text before the prompt if the
            tokenizer does not know it as a token.
    """

    max_length: int
    prompt: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Padding queries with mask tokens, whose vectors count like those of words (ColBERT, section 3.2).

    Attributes:
        length: of a query in tokens, after padding.
        attended: whether a query's own tokens look at the mask tokens too.
        cut: whether longer queries are cut there; otherwise they may be as long as the side allows.
        token: what to pad with, if not the tokenizer's mask token.
    """

    length: int
    attended: bool = False
    cut: bool = True
    token: str | None = None


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """A linear layer over token vectors: `linear.weight` and more in the .safetensors file `weights`.

    Attributes:
        activation: the name of a class of torch.nn.
        bias: whether `linear.bias` is added.
        residual: whether the input is added to the output, through `residual.weight` if their sizes differ.
    """

    weights: Path
    activation: str = "Identity"
    bias: bool = False
    residual: bool = False


@dataclass(frozen=True, slots=True)
class TokenLayout:
    """A transformer that gives one vector per token.

    Attributes:
        folder: where transformer and tokenizer are.
        limit: the most tokens that `document.max_length` may be.
        layers: the layers applied to the transformer's hidden states, in order.
        skipped: tokens of documents that get no vector.
        lower_case: put texts in lower case first.
    """

    folder: Path
    query: TokenSide
    document: TokenSide
    limit: int
    layers: tuple[DenseLayer, ...] = ()
    expansion: Expansion | None = None
    skipped: tuple[str, ...] = tuple(punctuation)
    lower_case: bool = False

    def with_max_length(self, max_length: int | None, name: str) -> TokenLayout:
        """The same with another length of documents, and at most that of queries. ModelError beyond the limit."""
        if max_length is None or max_length == self.document.max_length:
            return self
        if not 1 <= max_length <= self.limit:
            raise ModelError(f"max_length must lie in 1 … {self.limit}, the limit of {name}, not {max_length}")
        query = replace(self.query, max_length=min(max_length, self.query.max_length))
        return replace(self, document=replace(self.document, max_length=max_length), query=query)

    def describe(self) -> dict[str, Any]:
        """Everything that decides the vectors, as JSON values."""
        return {
            "kind": "tokens",
            "query": asdict(self.query),
            "document": asdict(self.document),
            "expansion": None if self.expansion is None else asdict(self.expansion),
            "skipped": list(self.skipped),
            "lower_case": self.lower_case,
            "layers": [{"activation": layer.activation, "residual": layer.residual} for layer in self.layers],
            "fingerprint": fingerprint([*model_files(self.folder), *(layer.weights for layer in self.layers)]),
        }


def read_token_layout(folder: Path) -> TokenLayout:
    """Read the folder's configuration files. ModelError if they describe no transformer with usable token vectors."""
    with reading(folder):
        if (folder / MODULES).exists():
            modules = read_modules(folder)
            if "Pooling" in [kind for kind, _ in modules]:
                return _dense(folder)
            return _late(folder, modules)
        if not (folder / "config.json").exists():
            raise ModelError(f"{folder} is not a model folder: it contains neither {MODULES} nor config.json")
        architectures = read_json(folder / "config.json").get("architectures") or [""]
        if architectures[0] == "HF_ColBERT":
            return _colbert(folder)
        if architectures[0].endswith("ForSequenceClassification"):
            raise ModelError(f"{folder} is a classifier or a cross-encoder: it was not trained for vectors of tokens")
        spec = bare_spec(folder)
        side = TokenSide(spec.max_length)
        return TokenLayout(folder, side, side, spec.max_length, lower_case=spec.lower_case)


def _dense(folder: Path) -> TokenLayout:
    dense = read_dense_layout(folder)
    query, document = (TokenSide(dense.max_length, prompt) for prompt in (dense.query_prompt, dense.document_prompt))
    return TokenLayout(dense.folder, query, document, dense.max_length, lower_case=dense.lower_case)


def _late(folder: Path, modules: list[tuple[str, Path]]) -> TokenLayout:
    """A folder in the layout of PyLate, which sentence-transformers has adopted."""
    kinds = [kind for kind, _ in modules]
    layers = [path for kind, path in modules if kind == "Dense"]
    rest = kinds[1 + len(layers) :]
    native = sorted(rest) == ["MultiVectorMask", "Normalize"]
    if kinds[: 1 + len(layers)] != ["Transformer", *["Dense"] * len(layers)] or not (native or (layers and not rest)):
        raise ModelError(
            f"{folder} is not a kind of token-vector model that lsr can read. Its modules are {', '.join(kinds)}; "
            "expected Transformer and Dense (PyLate); Transformer, Dense, MultiVectorMask and Normalize "
            "(sentence-transformers); or a dense encoder: Transformer, Pooling and, optionally, Normalize"
        )
    transformer = modules[0][1]
    about = read_optional(folder / ABOUT)
    recorded = read_optional(transformer / "sentence_bert_config.json")
    mask = read_json(dict(modules)["MultiVectorMask"] / "config.json") if native else about
    if mask.get("keep_only_token_ids") or mask.get("skiplist_tasks", ["document"]) != ["document"]:
        raise ModelError(f"{folder} leaves out tokens in other texts than documents, which lsr does not support")
    given = recorded if native else about
    limit = length_limit(transformer, None)
    query_length = given.get("query_length") or (limit if native else _QUERY_LENGTH)
    document_length = given.get("document_length") or (limit if native else _DOCUMENT_LENGTH)
    expansion = _expansion(given.get("query_expansion"))
    if not native and "query_expansion" not in about and about.get("do_query_expansion") is not False:
        expansion = Expansion(query_length, bool(about.get("attend_to_expansion_tokens")))
    prompts = read_prompts(about, folder)
    query, document = about.get("query_prefix") or "", about.get("document_prefix") or ""
    words = mask.get("skiplist_words")
    if words is None and not native:
        words = punctuation
    return TokenLayout(
        transformer,
        TokenSide(query_length, prompts.get("query", "").removeprefix(query), query),
        TokenSide(document_length, document_prompt(prompts).removeprefix(document), document),
        max(limit, document_length),
        layers=tuple(_dense_layer(path) for path in layers),
        expansion=expansion,
        skipped=tuple(words or ()),
        lower_case=bool(recorded.get("do_lower_case")),
    )


def _expansion(recorded: dict[str, Any] | None) -> Expansion | None:
    if recorded is None:
        return None
    if recorded["strategy"] not in ("fixed", "min"):
        raise ValueError(f"query_expansion has the strategy {recorded['strategy']!r}")
    return Expansion(
        int(recorded["length"]),
        attended=bool(recorded.get("attend")),
        cut=recorded["strategy"] == "fixed",
        token=recorded.get("token"),
    )


def _dense_layer(folder: Path) -> DenseLayer:
    config = read_json(folder / "config.json")
    if config.get("module_input_name", "token_embeddings") != "token_embeddings":
        raise ModelError(f"{folder}: a layer over vectors of whole texts, not of tokens")
    return DenseLayer(
        folder / "model.safetensors",
        config["activation_function"].rsplit(".", 1)[-1],
        bias=bool(config["bias"]),
        residual=bool(config.get("use_residual")),
    )


def _colbert(folder: Path) -> TokenLayout:
    """A checkpoint of ColBERT's own code, with its settings in `artifact.metadata`."""
    about = read_optional(folder / "artifact.metadata")
    if about.get("similarity", "cosine") != "cosine":
        raise ModelError(f"{folder} compares vectors by {about['similarity']}, which lsr does not support")
    query_length = about.get("query_maxlen") or _QUERY_LENGTH
    document_length = about.get("doc_maxlen") or _DOCUMENT_LENGTH
    return TokenLayout(
        folder,
        TokenSide(query_length, marker=about.get("query_token_id") or "[unused0]"),
        TokenSide(document_length, marker=about.get("doc_token_id") or "[unused1]"),
        max(length_limit(folder, None), document_length),
        layers=(DenseLayer(weight_files(folder)[0]),),
        expansion=Expansion(query_length, bool(about.get("attend_to_mask_tokens"))),
        skipped=tuple(punctuation) if about.get("mask_punctuation", True) else (),
    )
