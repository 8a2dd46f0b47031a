"""Write a model folder that `SparseEncoder.load` opens, and sentence-transformers' SparseEncoder where it can.

What that library can express (in its layout since version 5.4) is written as it would: a language model with
SpladePooling, a SparseStaticEmbedding, a Router of the two. Everything else goes into separate folders with an
`lsr_config.json` (`lsr.encoding.sparse.description`), which that library refuses to open, rather than into a folder
that it would open but encode with differently.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr import __version__
from lsr.core.errors import ModelError
from lsr.core.files import atomic_folder
from lsr.encoding.shared.folder import ABOUT, MODULES, weight_files
from lsr.encoding.shared.tokens import TextTokenizer, fast_tokenizer
from lsr.encoding.sparse.description import DESCRIPTION, TABLE_FILE, describe_model
from lsr.encoding.sparse.layout import IDF_FIELD
from lsr.encoding.sparse.spec import (
    FREQUENCY_FILE,
    HEAD_FILE,
    OF_BACKBONE,
    PER_SIDE,
    EncodingSpec,
    ModelSpec,
    TableEncodingSpec,
    TableSpec,
    TransformerSpec,
    check_idf,
    check_pooling,
)

if TYPE_CHECKING:
    from torch import Tensor

    from lsr.encoding.sparse.backbone import Backbone
    from lsr.encoding.sparse.static import StaticTower
    from lsr.encoding.sparse.transformer import TransformerTower

_TRANSFORMER = "sentence_transformers.base.modules.transformer.Transformer"
_POOLING = "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling"
_STATIC = "sentence_transformers.sparse_encoder.modules.sparse_static_embedding.SparseStaticEmbedding"
_ROUTER = "sentence_transformers.base.modules.router.Router"

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)


class TransformerSide:
    """A side of an encoder that runs a backbone.

    Args:
        backbone: the model, whose `spec` says how it is used.
        changes: fields of `EncodingSpec` in which this side differs, if not None; none of OF_BACKBONE.

    Attributes:
        backbone: as given.
        spec: the backbone's, with the changes.
    """

    def __init__(self, backbone: Backbone, **changes: Any) -> None:
        _check_fields(changes, [each.name for each in fields(EncodingSpec) if each.name not in OF_BACKBONE])
        given = {name: value for name, value in changes.items() if value is not None}
        self.backbone, self.spec = backbone, replace(backbone.spec, **given)


class TableSide:
    """A side that looks token weights up.

    Args:
        weights: float [dim], or fewer where the last terms have no token.
        tokenizer: a folder with a tokenizer, or a GGUF file; the document side's if not given.
        encoding: fields of `TableEncodingSpec`; `max_length` is the document side's if not given.

    Attributes: as given.
    """

    def __init__(
        self, weights: npt.NDArray[np.floating] | Tensor, *, tokenizer: Path | None = None, **encoding: Any
    ) -> None:
        _check_fields(encoding, [each.name for each in fields(TableEncodingSpec)])
        self.weights, self.tokenizer = weights, tokenizer
        self.encoding = {name: value for name, value in encoding.items() if value is not None}


def _check_fields(given: Mapping[str, Any], known: Sequence[str]) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise ModelError(f"a side cannot have its own {unknown[0]!r}, only {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class _Model:
    """A language model to save; `write` puts its configuration and weights into a folder."""

    spec: TransformerSpec
    backbone: Backbone
    write: Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class _Table:
    spec: TableSpec
    weights: npt.NDArray[np.float32]


_Part = _Model | _Table


def save_encoder(
    path: str | Path,
    *,
    document: TransformerSide,
    query: TransformerSide | TableSide | None = None,
    dtype: str = "float32",
    card: str | None = None,
    force: bool = False,
) -> None:
    """Write an encoder from modules in memory, whole or not at all, for `SparseEncoder.load`.

    Args:
        path: a new folder.
        document, query: the two sides; without a query side, the document side serves both. Two sides with one
            backbone can differ only in prompt, lexical and top_k.
        dtype: what the language models' weights are stored in, "float32", "float16" or "bfloat16". They are always
            loaded as float32. Tables of token weights are stored in float32.
        card: the text of a README.md in the folder.
        force: replace what is at `path`.

    Raises:
        OutputExistsError: `path` exists and `force` is not set.
        ModelError: a side cannot be stored: numbers that are not finite, an adapter that is not merged, a table of
            another width, sides that share a backbone and differ in more than they can.
    """
    query = document if query is None else query
    shared = isinstance(query, TransformerSide) and query.backbone is document.backbone
    documents = _part_in_memory(document, dtype)
    if isinstance(query, TransformerSide):
        queries: _Part = _part_in_memory(query, dtype)
        if shared and not documents.spec.same_model(queries.spec):
            raise ModelError(f"two sides that share a backbone can only differ in {', '.join(PER_SIDE)}")
    else:
        queries = _table_in_memory(query, documents)
    _save(path, documents, queries, shared=shared, card=card, force=force)


def save_towers(
    path: str | Path,
    spec: ModelSpec,
    document: TransformerTower | StaticTower,
    query: TransformerTower | StaticTower,
    *,
    force: bool = False,
) -> None:
    """Write a loaded encoder, whole or not at all; weight and tokenizer files are copied unchanged."""
    documents, queries = _part_on_disk(spec.document, document), _part_on_disk(spec.query, query)
    _save(path, documents, queries, shared=spec.one_model, card=None, force=force)


def _part_in_memory(side: TransformerSide, dtype: str) -> _Model:
    from lsr.encoding.sparse.export import export_backbone, needs_adjusted_head

    backbone = side.backbone
    spec = replace(side.spec, adjusted_head=needs_adjusted_head(backbone))
    check_pooling(spec)
    return _Model(spec, backbone, lambda folder: export_backbone(backbone, folder, dtype))


def _table_in_memory(side: TableSide, document: _Model) -> _Table:
    weights = np.asarray(side.weights.detach().cpu() if hasattr(side.weights, "detach") else side.weights, np.float32)
    encoding = {"max_length": document.spec.max_length, **side.encoding}
    spec = TableSpec(side.tokenizer or document.spec.folder, Path(), **encoding)
    check_idf(spec.idf, "idf")
    reader = TextTokenizer(spec.folder, max_length=spec.max_length, special_tokens=False)
    size = max(reader.token_ids().values()) + 1
    if weights.ndim != 1 or not size <= len(weights) <= document.backbone.dim or weights[size:].any():
        raise ModelError(
            f"a table of {'×'.join(map(str, weights.shape))} weights, for {size} tokens and "
            f"{document.backbone.dim} terms: expected one for each token"
        )
    if not np.isfinite(weights).all():
        raise ModelError(f"the weight of token id {int((~np.isfinite(weights)).argmax())} is not finite")
    return _Table(spec, weights[:size])


def _part_on_disk(spec: TransformerSpec | TableSpec, tower: TransformerTower | StaticTower) -> _Part:
    from lsr.encoding.sparse.static import StaticTower

    if isinstance(tower, StaticTower):
        return _Table(replace(tower.spec, max_length=tower.max_length), tower.table)
    assert isinstance(spec, TransformerSpec)
    source = spec.folder
    return _Model(replace(spec, max_length=tower.max_length), tower.backbone, lambda folder: _copy(source, folder))


def _save(path: str | Path, document: _Part, query: _Part, *, shared: bool, card: str | None, force: bool) -> None:
    with atomic_folder(path, force=force) as folder:
        if not (_is_plain(document) and _is_plain(query)):
            _write_own(folder, document, query, shared)
        else:
            _write_sentence_transformers(folder, document, query, shared)
        if card is not None:
            (folder / "README.md").write_text(card, encoding="utf-8")
        # safetensors writes files that only their owner can read.
        readable = next(folder.glob("*.json")).stat().st_mode
        for file in folder.rglob("*.safetensors"):
            file.chmod(readable)


def _is_plain(part: _Part) -> bool:
    """Whether sentence-transformers can express the model."""
    if isinstance(part, _Table):
        return not part.spec.count_repeats
    if not part.backbone.decoder:
        return not part.spec.extra
    # That library pads decoders before the text, which is equivalent only if positions are relative.
    config = part.backbone.model.config
    return not part.spec.extra and bool(getattr(config, "rope_parameters", None) or getattr(config, "rope_theta", None))


# -- our own layout ----------------------------------------------------------------------------------------------------


def _write_own(folder: Path, document: _Part, query: _Part, shared: bool) -> None:
    written: dict[str, TransformerSpec | TableSpec] = {}
    for side, part in (("document", document), ("query", query)):
        name = "document" if shared else side
        written[side] = replace(part.spec, folder=folder / name)
        if (folder / name).exists():
            continue
        (folder / name).mkdir()
        if isinstance(part, _Table):
            _write_weights(folder / name, part.weights)
            # One tokenizer serves both sides: it would be a tenth of a small model.
            shares = part.spec.folder == document.spec.folder
            place = folder / ("document" if shares else name)
            written[side] = replace(part.spec, folder=place, weights=folder / name / TABLE_FILE)
            if shares:
                continue
        else:
            part.write(folder / name)
        _write_tokenizer(folder / name, part)
    _write(folder / DESCRIPTION, describe_model(ModelSpec(**written)))


# -- sentence-transformers' layout -------------------------------------------------------------------------------------


def _write_sentence_transformers(folder: Path, document: _Part, query: _Part, shared: bool) -> None:
    _write(
        folder / ABOUT,
        {
            "__version__": {"lsr-engine": __version__},
            "model_type": "SparseEncoder",
            "prompts": {"query": query.spec.prompt, "document": document.spec.prompt},
            "default_prompt_name": None,
            "similarity_fn_name": "dot",
            **({IDF_FIELD: query.spec.idf} if isinstance(query, _Table) and query.spec.idf else {}),
        },
    )
    if shared and isinstance(document, _Model):
        _write_transformer(folder, document)
        _write_pooling(folder / "1_SpladePooling", document)
        modules = [("", _TRANSFORMER), ("1_SpladePooling", _POOLING)]
    else:
        _write_router(folder, document, query)
        modules = [("", _ROUTER)]
    _write(
        folder / MODULES,
        [{"idx": i, "name": str(i), "path": at, "type": type} for i, (at, type) in enumerate(modules)],
    )


def _write_router(folder: Path, document: _Part, query: _Part) -> None:
    types: dict[str, str] = {}
    structure: dict[str, list[str]] = {}
    for side, part in (("query", query), ("document", document)):
        if isinstance(part, _Table):
            parts = {f"{side}_0_SparseStaticEmbedding": _STATIC}
            table = folder / next(iter(parts))
            table.mkdir()
            _write_weights(table, part.weights)
            _write(table / "config.json", {"frozen": False})
            _write_tokenizer(table, part)
        else:
            parts = {f"{side}_0_Transformer": _TRANSFORMER, f"{side}_1_SpladePooling": _POOLING}
            transformer, pooling = parts
            _write_transformer(folder / transformer, part)
            _write_pooling(folder / pooling, part)
        types |= parts
        structure[side] = list(parts)
    parameters = {"default_route": "document", "allow_empty_key": True, "route_mappings": {}}
    _write(folder / "router_config.json", {"types": types, "structure": structure, "parameters": parameters})


def _write_transformer(folder: Path, part: _Model) -> None:
    folder.mkdir(exist_ok=True)
    part.write(folder)
    _write_tokenizer(folder, part)
    decoder = part.backbone.decoder
    content: dict[str, Any] = {
        "transformer_task": "text-generation" if decoder else "fill-mask",
        "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
        "module_output_name": "token_embeddings",
        "max_seq_length": part.spec.max_length,
        "do_lower_case": part.spec.lower_case,
    }
    if decoder:  # that library wants the last token's logits alone unless told
        content["processing_kwargs"] = {"text": {"logits_to_keep": 0}}
    _write(folder / "sentence_bert_config.json", content)


def _write_pooling(folder: Path, part: _Model) -> None:
    folder.mkdir()
    spec, dim = part.spec, part.backbone.dim
    config = {"pooling_strategy": spec.pooling, "activation_function": spec.activation, "embedding_dimension": dim}
    _write(folder / "config.json", config)


# -- files -------------------------------------------------------------------------------------------------------------


def _copy(source: Path, folder: Path) -> None:
    """Copy a language model's files unchanged."""
    weights = weight_files(source)
    indices = [file for file in source.glob("*.index.json") if file.name.split(".")[0] in weights[0].name]
    beside = [file for file in (source / HEAD_FILE, source / FREQUENCY_FILE) if file.exists()]
    for file in [source / "config.json", *weights, *indices, *beside]:
        shutil.copy(file, folder)


def _write_weights(folder: Path, weights: npt.NDArray[np.float32]) -> None:
    from safetensors.numpy import save_file

    save_file({"weight": weights}, folder / TABLE_FILE)


def _write_tokenizer(folder: Path, part: _Part) -> None:
    source = part.spec.folder
    if source.is_dir():
        for name in _TOKENIZER_FILES:
            if (source / name).exists():
                shutil.copy(source / name, folder)
    else:
        fast_tokenizer(source).save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    config = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
    config.setdefault("tokenizer_class", "PreTrainedTokenizerFast")
    if isinstance(part, _Model) and part.backbone.decoder and not config.get("pad_token"):
        config["pad_token"] = config.get("eos_token")  # many decoders have none, and batches need one
    _write(settings, {**config, "model_max_length": part.spec.max_length})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
