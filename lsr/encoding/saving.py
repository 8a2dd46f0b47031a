"""Write a model folder that sentence-transformers' SparseEncoder opens (its layout since version 5.4)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lsr import __version__
from lsr.encoding.layout import Layout, TableSpec, TransformerSpec, weight_files
from lsr.files import atomic_folder

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


def save_folder(
    path: str | Path,
    layout: Layout,
    *,
    max_lengths: dict[str, int],
    dim: int,
    tables: dict[str, npt.NDArray[np.float32]],
    force: bool = False,
) -> None:
    """Write the model at `path`, whole or not at all.

    Weight and tokenizer files are copied as they are. Where one transformer serves both sides the folder is a masked LM
    with SpladePooling, otherwise a Router. `max_lengths` holds the limit of each side ("document", "query"), `tables`
    the token weights of a side that is a TableSpec.
    """
    with atomic_folder(path, force=force) as folder:
        prompts = {"query": layout.query.prompt, "document": layout.document.prompt}
        _write(
            folder / "config_sentence_transformers.json",
            {
                "__version__": {"lsr-engine": __version__},
                "model_type": "SparseEncoder",
                "prompts": prompts,
                "default_prompt_name": None,
                "similarity_fn_name": "dot",
            },
        )
        document = layout.document
        if isinstance(document, TransformerSpec) and layout.one_model:
            _transformer(folder, document, max_lengths["document"])
            _pooling(folder / "1_SpladePooling", document, dim)
            modules = [("", _TRANSFORMER), ("1_SpladePooling", _POOLING)]
        else:
            _router(folder, layout, max_lengths, dim, tables)
            modules = [("", _ROUTER)]
        _write(
            folder / "modules.json",
            [{"idx": i, "name": str(i), "path": at, "type": type} for i, (at, type) in enumerate(modules)],
        )


def _router(
    folder: Path, layout: Layout, max_lengths: dict[str, int], dim: int, tables: dict[str, npt.NDArray[np.float32]]
) -> None:
    types: dict[str, str] = {}
    structure: dict[str, list[str]] = {}
    for side, spec in (("query", layout.query), ("document", layout.document)):
        if isinstance(spec, TableSpec):
            parts = {f"{side}_0_SparseStaticEmbedding": _STATIC}
            _static(folder / next(iter(parts)), spec, max_lengths[side], tables[side])
        else:
            parts = {f"{side}_0_Transformer": _TRANSFORMER, f"{side}_1_SpladePooling": _POOLING}
            transformer, pooling = parts
            _transformer(folder / transformer, spec, max_lengths[side])
            _pooling(folder / pooling, spec, dim)
        types |= parts
        structure[side] = list(parts)
    parameters = {"default_route": "document", "allow_empty_key": True, "route_mappings": {}}
    _write(folder / "router_config.json", {"types": types, "structure": structure, "parameters": parameters})


def _transformer(folder: Path, spec: TransformerSpec, max_length: int) -> None:
    folder.mkdir(exist_ok=True)
    weights = weight_files(spec.folder)
    indices = [file for file in spec.folder.glob("*.index.json") if file.name.split(".")[0] in weights[0].name]
    for file in [spec.folder / "config.json", *weights, *indices]:
        shutil.copy(file, folder)
    _tokenizer(folder, spec.folder, max_length)
    _write(
        folder / "sentence_bert_config.json",
        {
            "transformer_task": "fill-mask",
            "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
            "module_output_name": "token_embeddings",
            "max_seq_length": max_length,
            "do_lower_case": spec.lower_case,
        },
    )


def _pooling(folder: Path, spec: TransformerSpec, dim: int) -> None:
    folder.mkdir()
    config = {"pooling_strategy": spec.pooling, "activation_function": spec.activation, "embedding_dimension": dim}
    _write(folder / "config.json", config)


def _static(folder: Path, spec: TableSpec, max_length: int, weights: npt.NDArray[np.float32]) -> None:
    from safetensors.numpy import save_file

    folder.mkdir()
    save_file({"weight": weights}, folder / "model.safetensors")
    _write(folder / "config.json", {"frozen": False})
    _tokenizer(folder, spec.folder, max_length)


def _tokenizer(folder: Path, source: Path, max_length: int) -> None:
    for name in _TOKENIZER_FILES:
        if (source / name).exists():
            shutil.copy(source / name, folder)
    settings = folder / "tokenizer_config.json"
    config = json.loads(settings.read_text(encoding="utf-8")) if settings.exists() else {}
    config.setdefault("tokenizer_class", "PreTrainedTokenizerFast")
    _write(settings, {**config, "model_max_length": max_length})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
