"""The OpenAPI document as a file of the documentation: `python -m lsr.service.openapi_file` renews it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from lsr.service.app import create_app
from lsr.service.settings import ServiceSettings


def described() -> bytes:
    """What a server with the settings that there are by default says of itself."""
    never_started: Any = object()
    document = create_app(never_started, ServiceSettings()).openapi()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def document_file(root: Path) -> Path:
    """Where the document is, in the source."""
    return root / "docs" / "openapi.json"


if __name__ == "__main__":
    document_file(Path()).write_bytes(described())
