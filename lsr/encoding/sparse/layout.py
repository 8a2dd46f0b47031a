"""Read the description of a model folder, without loading the model (and without torch).

Four layouts are understood:

- a bare language model, masked or causal, taken as SPLADE with max pooling (Formal et al. 2021,
  https://arxiv.org/abs/2109.10086); with an `idf.json` beside it, queries are encoded by that table (OpenSearch's
  doc-only models);
- a sentence-transformers SparseEncoder: a language model and a SpladePooling;
- the same with a Router, whose query side may be a SparseStaticEmbedding: a table of token weights;
- our own (`lsr.encoding.sparse.description`), for what sentence-transformers cannot express.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError
from lsr.encoding.shared.folder import (
    ABOUT,
    DEFAULT_LENGTH,
    LENGTH_CAP,
    MODULES,
    module_kind,
    position_limit,
    read_json,
    read_modules,
    read_optional,
    read_prompts,
    reading,
    tokenizer_limit,
)
from lsr.encoding.shared.trust import inside
from lsr.encoding.sparse.description import DESCRIPTION, read_description
from lsr.encoding.sparse.spec import ModelSpec, Spec, TableSpec, TransformerSpec, check_idf, check_pooling

IDF_FIELD = "lsr_query_idf"  # in ABOUT: the `idf` of a query table, which sentence-transformers passes over

_TRANSFORMERS = ("Transformer", "MLMTransformer")


def read_spec(folder: Path) -> ModelSpec:
    """Read the folder's configuration files. ModelError if it isn't a sparse encoder."""
    if folder.suffix == ".gguf":
        raise ModelError(f"{folder} is a decoder; a sparse encoder has to be trained from it first")
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a model folder")
    with reading(folder):
        return _read(folder)


def _read(folder: Path) -> ModelSpec:
    if (folder / DESCRIPTION).exists():
        return read_description(folder)
    if not (folder / MODULES).exists():
        return _bare(folder)
    config = read_optional(folder / ABOUT)
    prompts = read_prompts(config, folder)
    chain = read_modules(folder)
    if [kind for kind, _ in chain] == ["Router"]:
        return _with_idf(_router(chain[0][1], prompts), config.get(IDF_FIELD, 0.0), folder)
    return ModelSpec(
        _chain(chain, prompts.get("document", ""), folder),
        _chain(chain, prompts.get("query", ""), folder),
    )


def head_width(spec: Spec) -> int | None:
    """The number of terms that the configuration records, or None if only the weights tell."""
    if isinstance(spec, TransformerSpec):
        return read_json(spec.folder / "config.json").get("vocab_size")
    return None


def bare_spec(folder: Path) -> TransformerSpec:
    """A language model by itself, as SPLADE with max pooling."""
    return _transformer(folder, {}, "")


def _bare(folder: Path) -> ModelSpec:
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} is not a model folder: it contains neither modules.json nor config.json")
    document = bare_spec(folder)
    table = folder / "idf.json"
    return ModelSpec(document, TableSpec(folder, table, max_length=document.max_length) if table.exists() else document)


def _router(folder: Path, prompts: dict[str, str]) -> ModelSpec:
    path = folder / "router_config.json"
    config = read_json(path if path.exists() else folder / "config.json")
    towers = {}
    for side in ("document", "query"):
        if side not in config["structure"]:
            raise ModelError(f"{folder}: the router has no route {side!r}, only {', '.join(config['structure'])}")
        chain = [(module_kind(config["types"][name]), inside(folder, name)) for name in config["structure"][side]]
        towers[side] = _chain(chain, prompts.get(side, ""), folder)
    return ModelSpec(**towers)


def _with_idf(spec: ModelSpec, idf: Any, folder: Path) -> ModelSpec:
    if not isinstance(spec.query, TableSpec):
        return spec
    check_idf(idf, f"{folder / ABOUT}: {IDF_FIELD}")
    return replace(spec, query=replace(spec.query, idf=float(idf)))


def _chain(modules: list[tuple[str, Path]], prompt: str, folder: Path) -> Spec:
    kinds = [kind for kind, _ in modules]
    if len(kinds) == 2 and kinds[0] in _TRANSFORMERS and kinds[1] == "SpladePooling":
        return _transformer(modules[0][1], read_json(modules[1][1] / "config.json"), prompt)
    if kinds == ["SparseStaticEmbedding"]:
        return _table(modules[0][1], prompt)
    hint = ""
    if "Pooling" in kinds:
        hint = ": it gives dense vectors" if "SparseAutoEncoder" not in kinds else ": its terms are not words"
    raise ModelError(
        f"{folder} is not a learned sparse encoder{hint}. Its modules are {', '.join(kinds)}; "
        "expected a language model with SpladePooling, or a SparseStaticEmbedding"
    )


def _transformer(folder: Path, pooling: dict[str, Any], prompt: str) -> TransformerSpec:
    config = read_json(folder / "config.json")
    recorded = read_optional(folder / "sentence_bert_config.json")
    own = recorded.get("max_seq_length")
    limits = [LENGTH_CAP if own else DEFAULT_LENGTH, position_limit(config), own, tokenizer_limit(folder)]
    spec = TransformerSpec(
        folder,
        pooling=pooling.get("pooling_strategy", "max"),
        activation=pooling.get("activation_function", "relu"),
        max_length=min(limit for limit in limits if limit),
        prompt=prompt,
        lower_case=bool(recorded.get("do_lower_case")),
    )
    check_pooling(spec, f"{folder}: ")
    return spec


def _table(folder: Path, prompt: str) -> TableSpec:
    path = read_optional(folder / "config.json").get("path")
    weights = folder / "model.safetensors"
    if path:
        weights = inside(folder, Path(path).name)
    elif not weights.exists():
        weights = folder / "idf.json"
    if not weights.exists():
        raise ModelError(f"{folder} contains no token weights: expected {weights.name} or model.safetensors")
    length = min(LENGTH_CAP, tokenizer_limit(folder) or LENGTH_CAP)
    return TableSpec(folder, weights, max_length=length, prompt=prompt)
