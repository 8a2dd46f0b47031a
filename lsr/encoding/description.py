"""The `lsr_config.json` of a model folder: what sentence-transformers' configuration files have no words for.

    {"lsr_config": 1,
     "document": {"kind": "transformer", "folder": "document", "echo": true, "top_k": 256, …},
     "query": {"kind": "table", "folder": "query", "max_length": 64}}

Each side names a folder beside the file, with the language model or the table of token weights, and its tokenizer;
both sides may name the same. The fields are those of `TransformerSpec` and `TableSpec`; one that is left out has its
default. The folder itself holds no config.json, so that nothing takes it for a model that needs no more than that.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import fields
from pathlib import Path
from typing import Any

from lsr.encoding.layout import (
    DESCRIPTION,
    HEADS,
    Layout,
    Spec,
    TableSpec,
    TransformerSpec,
    check_idf,
    check_pooling,
    choose,
    read_json,
)
from lsr.errors import ModelError

_VERSION = 1
_TABLE = "model.safetensors"
_TYPES: dict[str, tuple[type, ...]] = {
    "pooling": (str,),
    "activation": (str,),
    "max_length": (int,),
    "prompt": (str,),
    "lower_case": (bool,),
    "head": (str,),
    "adjusted_head": (bool,),
    "echo": (bool,),
    "lexical": (bool,),
    "top_k": (int, type(None)),
    "idf": (int, float),
}


def read_description(folder: Path) -> Layout:
    """The sides of the model in `folder`. ModelError names what is missing, unknown or out of range."""
    path = folder / DESCRIPTION
    content = read_json(path)
    version = content.get("lsr_config") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise ModelError(f"{path} does not start as a model description does: its lsr_config should be {_VERSION}")
    if version > _VERSION:
        raise ModelError(f"{path} is of version {version}, and this lsr reads up to {_VERSION}: install a newer one")
    _check_names(path, "", set(content), {"lsr_config", "document", "query"}, required={"document", "query"})
    layout = Layout(*(_read_side(path, side, content[side]) for side in ("document", "query")))
    if isinstance(layout.document, TableSpec) and isinstance(layout.query, TransformerSpec):
        raise ModelError(f"{path}: documents by a table and queries by a model is no encoder")
    return layout


def describe_layout(layout: Layout) -> dict[str, Any]:
    """The file's content, folders by their names."""
    return {"lsr_config": _VERSION, "document": _write_side(layout.document), "query": _write_side(layout.query)}


def _read_side(path: Path, side: str, content: Any) -> Spec:
    where = f"{path}: {side}"
    if not isinstance(content, dict):
        raise ModelError(f"{where} is {content!r}; expected its fields")
    kind, folder = content.get("kind"), content.get("folder")
    if not isinstance(folder, str) or folder in ("", "..") or Path(folder).name != folder:
        raise ModelError(f"{where}.folder is {folder!r}; expected the name of a folder beside the file")
    given = {name: value for name, value in content.items() if name not in ("kind", "folder")}
    known = {"transformer": set(_TYPES) - {"idf"}, "table": {"max_length", "prompt", "idf"}}
    choose(kind if isinstance(kind, str) else repr(kind), tuple(known), f"{where}.kind")
    _check_names(path, f"{side}.", set(given), known[str(kind)])
    for name, value in given.items():
        if type(value) not in _TYPES[name]:
            expected = " or ".join("null" if each is type(None) else each.__name__ for each in _TYPES[name])
            raise ModelError(f"{where}.{name} is {value!r}; expected {expected}")
    for name in ("max_length", "top_k"):
        if given.get(name) is not None and given[name] < 1:
            raise ModelError(f"{where}.{name} is {given[name]}; it must be at least 1")
    if kind == "table":
        check_idf(given.get("idf", 0.0), f"{where}.idf")
        return TableSpec(path.parent / folder, path.parent / folder / _TABLE, **given)
    spec = TransformerSpec(path.parent / folder, **given)
    choose(spec.head, HEADS, f"{where}.head")
    check_pooling(spec, f"{where}.")
    if spec.adjusted_head and spec.head != "vocabulary":
        raise ModelError(f"{where}.adjusted_head is only for a head of the kind 'vocabulary'")
    return spec


def _write_side(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, TableSpec):
        fields_of_table = {"max_length": spec.max_length, "prompt": spec.prompt, "idf": spec.idf}
        return {"kind": "table", "folder": spec.folder.name, **fields_of_table}
    content = {field.name: getattr(spec, field.name) for field in fields(spec)}
    return {"kind": "transformer", **content, "folder": spec.folder.name}


def _check_names(path: Path, prefix: str, given: Set[str], known: Set[str], required: Set[str] = frozenset()) -> None:
    if unknown := sorted(given - known):
        raise ModelError(f"{path} has a field {prefix}{unknown[0]!r} that is not known here: is it of a newer lsr?")
    if missing := sorted(required - given):
        raise ModelError(f"{path} has no field {prefix}{missing[0]!r}")
