"""The `lsr_config.json` of a model folder: what sentence-transformers' configuration files cannot express.

    {"lsr_config": 1,
     "document": {"kind": "transformer", "folder": "document", "echo": true, "top_k": 256, …},
     "query": {"kind": "table", "folder": "query", "max_length": 64}}

Each side names a folder beside the file, with the language model or the table of token weights, and its tokenizer;
both sides may name the same, and a table may use the `tokenizer` of another of these folders. The fields are those of
`TransformerSpec` and `TableSpec`, whose annotations say what each may hold; one that is left out has its default. The
folder itself holds no config.json, so that nothing takes it for a model that needs no more than that.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lsr.core.errors import ModelError
from lsr.encoding.shared.folder import read_json
from lsr.encoding.shared.trust import inside
from lsr.encoding.sparse.spec import ModelSpec, Spec, TableSpec, TransformerSpec, check_idf, check_pooling, choose

DESCRIPTION = "lsr_config.json"
TABLE_FILE = "model.safetensors"
_VERSION = 1
_KINDS: dict[str, type[TransformerSpec] | type[TableSpec]] = {"transformer": TransformerSpec, "table": TableSpec}


def read_description(folder: Path) -> ModelSpec:
    """Read the two sides of the model in `folder`. ModelError names what is missing, unknown or out of range."""
    path = folder / DESCRIPTION
    content = read_json(path)
    version = content.get("lsr_config") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise ModelError(f"{path} is not a model description: its lsr_config should be {_VERSION}")
    if version > _VERSION:
        raise ModelError(
            f"{path} has version {version}, but this lsr only reads versions up to {_VERSION}: install a newer lsr"
        )
    _check_names(path, "", set(content), {"lsr_config", "document", "query"}, required={"document", "query"})
    spec = ModelSpec(*(_read_side(path, side, content[side]) for side in ("document", "query")))
    if isinstance(spec.document, TableSpec) and isinstance(spec.query, TransformerSpec):
        raise ModelError(f"{path}: an encoder cannot have a table for documents and a model for queries")
    return spec


def describe_model(spec: ModelSpec) -> dict[str, Any]:
    """The content of the file, with folders as names."""
    return {"lsr_config": _VERSION, "document": _write_side(spec.document), "query": _write_side(spec.query)}


def _read_side(path: Path, side: str, content: Any) -> Spec:
    where = f"{path}: {side}"
    if not isinstance(content, dict):
        raise ModelError(f"{where} is {content!r}; expected its fields")
    kind, folder = content.get("kind"), _folder_name(content.get("folder"), f"{where}.folder")
    given = {name: value for name, value in content.items() if name not in ("kind", "folder")}
    tokenizer = _folder_name(given.pop("tokenizer", folder) if kind == "table" else folder, f"{where}.tokenizer")
    choose(kind if isinstance(kind, str) else repr(kind), _KINDS, f"{where}.kind")
    types = _types(_KINDS[str(kind)])
    _check_names(path, f"{side}.", set(given), set(types))
    given = {name: _read_value(value, types[name], f"{where}.{name}") for name, value in given.items()}
    if kind == "table":
        check_idf(given.get("idf", 0.0), f"{where}.idf")
        weights = inside(path.parent, folder) / TABLE_FILE
        return TableSpec(inside(path.parent, tokenizer), weights, **given)
    spec = TransformerSpec(inside(path.parent, folder), **given)
    check_pooling(spec, f"{where}.")
    if spec.adjusted_head and spec.head != "vocabulary":
        raise ModelError(f"{where}.adjusted_head is only for a head of the kind 'vocabulary'")
    return spec


def _types(kind: type) -> dict[str, Any]:
    """The annotations of the fields that are written unchanged, which excludes paths."""
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind) if hints[each.name] is not Path}


def _read_value(value: Any, annotation: Any, where: str) -> Any:
    """Check the value of a field. Whole numbers are counts and start at 1."""
    choices = get_args(annotation) if get_origin(annotation) not in (None, Literal) else (annotation,)
    expected = [json_type for choice in choices for json_type in _json_types(choice)]
    if type(value) not in expected:
        names = " or ".join("null" if each is NoneType else each.__name__ for each in expected)
        raise ModelError(f"{where} is {value!r}; expected {names}")
    for choice in choices:
        if get_origin(choice) is Literal:
            choose(value, get_args(choice), where)
        elif choice is int and value is not None and value < 1:
            raise ModelError(f"{where} is {value}; it must be at least 1")
        elif is_dataclass(choice) and value is not None:
            return _read_numbers(value, choice, where)
    return value


def _json_types(choice: Any) -> tuple[type, ...]:
    if get_origin(choice) is Literal:
        return (str,)
    if is_dataclass(choice):
        return (dict,)
    return (int, float) if choice is float else (choice,)


def _read_numbers(content: Mapping[str, Any], kind: Any, where: str) -> Any:
    """Read a dataclass of numbers."""
    known = {each.name for each in fields(kind)}
    for name, value in content.items():
        if name not in known or not isinstance(value, int | float) or isinstance(value, bool):
            raise ModelError(f"{where}.{name} is {value!r}; expected a number, of {', '.join(sorted(known))}")
    try:
        return kind(**content)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None


def _folder_name(name: Any, where: str) -> str:
    if not isinstance(name, str) or name in ("", "..") or Path(name).name != name:
        raise ModelError(f"{where} is {name!r}; expected the name of a folder beside the file")
    return name


def _write_side(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, TransformerSpec):
        return {"kind": "transformer", "folder": spec.folder.name, **spec.to_record()}
    folder = spec.weights.parent
    tokenizer = {} if spec.folder == folder else {"tokenizer": spec.folder.name}
    return {"kind": "table", "folder": folder.name, **tokenizer, **dict(sorted(spec.encoding().items()))}


def _check_names(path: Path, prefix: str, given: Set[str], known: Set[str], required: Set[str] = frozenset()) -> None:
    if unknown := sorted(given - known):
        raise ModelError(f"{path} has an unknown field {prefix}{unknown[0]!r}: was it made by a newer lsr?")
    if missing := sorted(required - given):
        raise ModelError(f"{path} has no field {prefix}{missing[0]!r}")
