"""Our own model description: what is written is read, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lsr.core.errors import ModelError
from lsr.encoding.sparse.description import describe_model, read_description
from lsr.encoding.sparse.layout import read_spec
from lsr.encoding.sparse.spec import ModelSpec, TableSpec, TransformerSpec

DOCUMENT: dict[str, Any] = {"kind": "transformer", "folder": "document"}
QUERY: dict[str, Any] = {"kind": "table", "folder": "query"}


def write(folder: Path, content: Any) -> Path:
    (folder / "lsr_config.json").write_text(json.dumps(content))
    return folder


def test_both_ways(tmp_path: Path) -> None:
    spec = ModelSpec(
        TransformerSpec(
            tmp_path / "document",
            pooling="sum",
            activation="no_log",
            max_length=99,
            prompt="d: ",
            lower_case=True,
            head="term_weights",
            echo=True,
            lexical=True,
            top_k=7,
        ),
        TableSpec(tmp_path / "query", tmp_path / "query" / "model.safetensors", max_length=12, prompt="q: "),
    )
    assert read_spec(write(tmp_path, describe_model(spec))) == spec
    adjusted = TransformerSpec(tmp_path / "document", adjusted_head=True)
    assert read_spec(write(tmp_path, describe_model(ModelSpec(adjusted, adjusted)))).one_model


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    spec = read_description(write(tmp_path, {"lsr_config": 1, "document": DOCUMENT, "query": QUERY}))
    assert spec.document == TransformerSpec(tmp_path / "document")
    assert not spec.one_model


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "its lsr_config should be 1"),
        ({"document": DOCUMENT, "query": QUERY}, "its lsr_config should be 1"),
        (
            {"lsr_config": 2, "document": DOCUMENT, "query": QUERY},
            "version 2, but this lsr only reads versions up to 1",
        ),
        ({"lsr_config": 1, "document": DOCUMENT}, "no field 'query'"),
        ({"lsr_config": 1, "document": DOCUMENT, "query": QUERY, "gate": 1}, "unknown field 'gate'"),
        ({"lsr_config": 1, "document": DOCUMENT, "query": []}, r"query is \[\]; expected its fields"),
        (
            {"lsr_config": 1, "document": QUERY, "query": DOCUMENT},
            "cannot have a table for documents and a model for queries",
        ),
        *(
            ({"lsr_config": 1, "document": {**DOCUMENT, **change}, "query": QUERY}, message)
            for change, message in [
                ({"kind": "rnn"}, "document.kind is 'rnn'; it can be transformer or table"),
                ({"kind": None}, "document.kind is 'None'"),
                ({"folder": "../elsewhere"}, "document.folder is '../elsewhere'"),
                ({"folder": ".."}, "document.folder is '..'"),
                ({"folder": ""}, "document.folder is ''"),
                ({"eco": True}, "unknown field document.'eco'"),
                ({"echo": 1}, "document.echo is 1; expected bool"),
                ({"top_k": "8"}, "document.top_k is '8'; expected int or null"),
                ({"top_k": True}, "document.top_k is True"),
                ({"top_k": 0}, "document.top_k is 0; it must be at least 1"),
                ({"max_length": -1}, "document.max_length is -1"),
                ({"head": "dense"}, "document.head is 'dense'; it can be vocabulary or term_weights"),
                ({"pooling": "mean"}, "document.pooling is 'mean'"),
                ({"activation": "no_log"}, "document.activation is 'no_log'; it can be relu or log1p_relu"),
                ({"head": "term_weights", "adjusted_head": True}, "adjusted_head is only for"),
            ]
        ),
    ],
)
def test_another_content_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        read_spec(write(tmp_path, content))
