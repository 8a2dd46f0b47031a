"""Reading plans from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lsr.core.errors import InputError, MissingDependencyError, MissingInputError
from lsr.search.plan import SearchPlan


def read_plan(path: str | Path) -> SearchPlan:
    """Read a plan from a file of JSON or, by the name's end, YAML: see `SearchPlan.from_record`.

    Raises MissingInputError, and InputError that names the file and the path of the field that is wrong.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingInputError(f"there is no file {path}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8: {error}", source=str(path)) from None
    record = _parse_yaml(text, path) if path.suffix in (".yaml", ".yml") else _parse_json(text, path)
    if not isinstance(record, dict):
        raise InputError("contains no plan: a plan is an object with `mode`, `retrieve`, `rerank`, …", source=str(path))
    try:
        return SearchPlan.from_record(record)
    except InputError as error:
        raise InputError(error.reason, source=str(path), field=error.field) from None


def _parse_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"is not JSON: {error}", source=str(path)) from None


def _parse_yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise MissingDependencyError("reading YAML needs PyYAML: pip install PyYAML, or write JSON") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"is not YAML: {error}", source=str(path)) from None
