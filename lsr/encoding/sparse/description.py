"""The `lsr_config.json` of a model folder: what sentence-transformers' configuration files have no words for.

    {"lsr_config": 1,
     "document": {"kind": "transformer", "folder": "document", "echo": true, "top_k": 256, …},
     "query": {"kind": "table", "folder": "query", "max_length": 64}}

Each side names a folder beside the file, with the language model or the table of token weights, and its tokenizer;
both sides may name the same, and a table may use the `tokenizer` of another of these folders. The fields are those of
`TransformerSpec` and `TableSpec`; one that is left out has its default. The folder itself holds no config.json, so that
nothing takes it for a model that needs no more than that.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from lsr.core.errors import ModelError
from lsr.encoding.sparse.layout import (
    DESCRIPTION,
    HEADS,
    Layout,
    Spec,
    TableSpec,
    TermFrequency,
    TransformerSpec,
    check_idf,
    check_pooling,
    choose,
    read_json,
)

_VERSION = 1
TABLE_FILE = "model.safetensors"
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
    "count_repeats": (bool,),
    "term_frequency": (dict, type(None)),
}
_TABLE_FIELDS = frozenset({"max_length", "prompt", "idf", "count_repeats"})


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
    kind, folder = content.get("kind"), _folder_name(content.get("folder"), f"{where}.folder")
    given = {name: value for name, value in content.items() if name not in ("kind", "folder")}
    tokenizer = _folder_name(given.pop("tokenizer", folder) if kind == "table" else folder, f"{where}.tokenizer")
    known = {"transformer": (set(_TYPES) - _TABLE_FIELDS) | {"max_length", "prompt"}, "table": _TABLE_FIELDS}
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
        return TableSpec(path.parent / tokenizer, path.parent / folder / TABLE_FILE, **given)
    given["term_frequency"] = _read_term_frequency(given.get("term_frequency"), f"{where}.term_frequency")
    spec = TransformerSpec(path.parent / folder, **given)
    choose(spec.head, HEADS, f"{where}.head")
    check_pooling(spec, f"{where}.")
    if spec.adjusted_head and spec.head != "vocabulary":
        raise ModelError(f"{where}.adjusted_head is only for a head of the kind 'vocabulary'")
    return spec


def _folder_name(name: Any, where: str) -> str:
    if not isinstance(name, str) or name in ("", "..") or Path(name).name != name:
        raise ModelError(f"{where} is {name!r}; expected the name of a folder beside the file")
    return name


def _read_term_frequency(content: dict[str, Any] | None, where: str) -> TermFrequency | None:
    if content is None:
        return None
    known = {field.name for field in fields(TermFrequency)}
    for name, value in content.items():
        if name not in known or not isinstance(value, int | float) or isinstance(value, bool):
            raise ModelError(f"{where}.{name} is {value!r}; expected a number, of {', '.join(sorted(known))}")
    try:
        return TermFrequency(**content)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


def _write_side(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, TableSpec):
        folder = spec.weights.parent
        tokenizer = {} if spec.folder == folder else {"tokenizer": spec.folder.name}
        content = {name: getattr(spec, name) for name in sorted(_TABLE_FIELDS)}
        return {"kind": "table", "folder": folder.name, **tokenizer, **content}
    content = {field.name: getattr(spec, field.name) for field in fields(spec)}
    if spec.term_frequency is not None:
        content["term_frequency"] = asdict(spec.term_frequency)
    return {"kind": "transformer", **content, "folder": spec.folder.name}


def _check_names(path: Path, prefix: str, given: Set[str], known: Set[str], required: Set[str] = frozenset()) -> None:
    if unknown := sorted(given - known):
        raise ModelError(f"{path} has a field {prefix}{unknown[0]!r} that is not known here: is it of a newer lsr?")
    if missing := sorted(required - given):
        raise ModelError(f"{path} has no field {prefix}{missing[0]!r}")
