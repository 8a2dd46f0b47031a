"""docs/http.md agrees with the service."""

from __future__ import annotations

import json
import re
from typing import Any

from docs_pages import DOCS

from lsr.core.errors import OutputExistsError
from lsr.service import create_app
from lsr.service.http.problems import _KINDS
from lsr.service.settings import ServiceSettings

_NEVER_STARTED: Any = object()
PAGE = (DOCS / "http.md").read_text(encoding="utf-8")


def test_the_table_of_endpoints_is_that_of_the_service() -> None:
    listed = re.findall(r"^\| `([A-Z]+) (/[^`?]*)(?:\?[^`]*)?` \|", PAGE, re.MULTILINE)
    paths = create_app(_NEVER_STARTED, ServiceSettings()).openapi()["paths"]
    assert set(listed) == {(method.upper(), path) for path, item in paths.items() for method in item}


def test_the_table_of_problems_is_that_of_the_service() -> None:
    listed = set(re.findall(r"^\| (\d+) \| `([\w-]+)` \|", PAGE, re.MULTILINE))
    # What is in the way of a write is told as a conflict.
    kinds = {(str(error.http_status), kind) for error, (kind, _) in _KINDS.items() if error is not OutputExistsError}
    assert listed == kinds | {("400", "malformed-json"), ("422", "invalid-request")}


def test_the_table_of_settings_is_that_of_the_service() -> None:
    listed = re.findall(r"^\| `(\w+)` \| `(LSR_\w+)` \| (\S+) \|", PAGE, re.MULTILINE)
    settings = {name: field.default for name, field in ServiceSettings.model_fields.items()}
    assert {name for name, _, _ in listed} == set(settings)
    assert [name for name, variable, _ in listed if variable != f"LSR_{name.upper()}"] == []
    numbers = {name: float(value) for name, value in settings.items() if type(value) in (int, float)}
    assert {name: float(default) for name, _, default in listed if name in numbers} == numbers


def test_its_json_is_json() -> None:
    examples = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert examples
    assert all(json.loads(example) for example in examples)
