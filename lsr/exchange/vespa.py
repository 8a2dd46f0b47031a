"""Vespa: an application with a schema, the feed that fills it, and a query.

A folder: `schemas/NAME.sd` and `services.xml` for `vespa deploy`, `documents.jsonl` for `vespa feed`, `query.json` for
`POST /search/`. The weights of a document are there twice: as whole numbers in the weighted set "terms", by which the
operator `wand` finds the best, and as they are in the tensor "vector", whose inner product with a query orders them.

Fields of documents are in "fields" as JSON; those whose names are names in Vespa too are attributes `field_NAME`, with
dates in microseconds from 1970 on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lsr.core.counted import counted
from lsr.core.errors import InputError
from lsr.core.files import atomic_folder
from lsr.core.schema import BOOLEAN, DATETIME, FLOAT, INTEGER, KEYWORD
from lsr.exchange.bulk import write_json
from lsr.exchange.source import DOCUMENT, VECTOR, WINDOW, Row, Source, TermWeights, decimals, pairs
from lsr.exchange.targets import Target, Written

TERMS, PROFILE = "terms", "sparse"
_LARGEST = 255
_QUERY_SCALE = 1000
_LEAST_HITS = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a text in Vespa cannot hold: control characters but tab and new lines, and code points that are none of Unicode.
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]")
_TYPES = {KEYWORD: "string", INTEGER: "long", FLOAT: "double", DATETIME: "long", BOOLEAN: "bool"}


class _Column(NamedTuple):
    """A field of a document that is an attribute in Vespa: its name here and there, and its type."""

    field: str
    name: str
    type: str


class Vespa:
    """See `Target`."""

    def write(self, source: Source, place: str, *, force: bool, query: TermWeights | None, k: int) -> Written:
        """See `Target.write`."""
        for id in source.ids():
            if _REFUSED.search(id):
                raise InputError(f"the id {id!r} holds a character that Vespa refuses")
        documents = mended = 0
        columns = list(_columns(source))
        with atomic_folder(place, force=force) as folder:
            (folder / "schemas").mkdir()
            schema = _schema(source, columns)
            (folder / "schemas" / f"{source.name}.sd").write_text(schema, encoding="utf-8")
            (folder / "services.xml").write_text(_SERVICES.format(name=source.name), encoding="utf-8")
            if query is not None:
                write_json(folder / "query.json", self.body(query, k, source.name))
            with (folder / "documents.jsonl").open("w", encoding="utf-8") as file:
                for row in source.rows():
                    operation, changed = _put(source, row, columns)
                    file.write(json.dumps(operation, ensure_ascii=False) + "\n")
                    documents, mended = documents + 1, mended + changed
        notes = source.notes
        if mended:
            notes = (*notes, f"{counted(mended, 'documents')} had characters that Vespa refuses: each is a space there")
        return Written(documents, notes)

    def body(self, query: TermWeights, k: int, name: str) -> dict[str, Any]:
        """The best of `wand`, ten times as many as are asked for, are put in order by their exact inner products."""
        terms, weights = query
        whole = np.maximum(np.rint(np.asarray(weights, np.float64) * _QUERY_SCALE), 1).astype(np.int64)
        hits = max(10 * k, _LEAST_HITS)
        return {
            "yql": f"select * from {name} where ({{targetHits: {hits}}}wand({TERMS}, @{TERMS}))",
            TERMS: "{%s}" % ", ".join(f"{term}: {each}" for term, each in zip(terms, whole, strict=True)),  # noqa: UP031
            "ranking.profile": PROFILE,
            "input.query(q)": pairs(terms, weights),
            "hits": k,
        }


def _columns(source: Source) -> Iterator[_Column]:
    for field, kind in source.fields.items():
        if _NAME.fullmatch(field) and not (kind.kind == BOOLEAN and kind.many):  # of which there are no attributes
            type = _TYPES[kind.kind]
            yield _Column(field, f"field_{field}", f"array<{type}>" if kind.many else type)


def _schema(source: Source, columns: list[_Column]) -> str:
    fields = [("id", "string", "attribute | summary", "")]
    if source.windows:
        fields += [(DOCUMENT, "string", "attribute | summary", ""), (WINDOW, "int", "attribute | summary", "")]
    if source.texts:
        fields += [(name, "string", "index | summary", "index: enable-bm25") for name in ("title", "text")]
        fields += [("fields", "string", "summary", "")]
    fields += [(column.name, column.type, "attribute", "") for column in columns]
    fields += [
        (TERMS, "weightedset<int>", "attribute", "attribute: fast-search"),
        (VECTOR, "tensor<float>(term{})", "attribute", ""),
    ]
    lines = [f"schema {source.name} {{", f"    document {source.name} {{"]
    for name, type, indexing, more in fields:
        lines += [f"        field {name} type {type} {{", f"            indexing: {indexing}"]
        lines += [f"            {more}"] * bool(more) + ["        }"]
    lines += [
        "    }",
        f"    rank-profile {PROFILE} {{",
        "        inputs {",
        "            query(q) tensor<float>(term{})",
        "        }",
        "        first-phase {",
        f"            expression: sum(query(q) * attribute({VECTOR}))",
        "        }",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


_SERVICES = """\
<?xml version="1.0" encoding="utf-8" ?>
<services version="1.0">
  <container id="default" version="1.0">
    <search/>
    <document-api/>
  </container>
  <content id="content" version="1.0">
    <min-redundancy>1</min-redundancy>
    <documents>
      <document type="{name}" mode="index"/>
    </documents>
  </content>
</services>
"""


def _put(source: Source, row: Row, columns: list[_Column]) -> tuple[dict[str, Any], bool]:
    """The operation that adds a document, and whether a text of it had to be changed."""
    document, mended = row.document, False
    fields: dict[str, Any] = {"id": row.id}
    if row.window is not None:
        fields |= {DOCUMENT: document.id, WINDOW: row.window}
    if source.texts:
        texts = (document.title, document.text, json.dumps(document.fields, ensure_ascii=False))
        for name, text in zip(("title", "text", "fields"), texts, strict=True):
            fields[name] = _REFUSED.sub(" ", text)
            mended = mended or fields[name] != text
    for column in columns:
        value = source.fields[column.field].stored(document.fields.get(column.field))
        if value is not None:
            fields[column.name] = _mended(value)
            mended = mended or fields[column.name] != value
    whole = np.maximum(np.rint(row.weights.astype(np.float64) * (_LARGEST / source.heaviest)), 1).astype(np.int64)
    if len(row.terms):
        fields[TERMS] = dict(zip(map(str, row.terms.tolist()), whole.tolist(), strict=True))
        fields[VECTOR] = dict(zip(map(str, row.terms.tolist()), decimals(row.weights), strict=True))
    return {"put": f"id:{source.name}:{source.name}::{row.id}", "fields": fields}, mended


def _mended(value: Any) -> Any:
    if isinstance(value, list):
        return [_mended(each) for each in value]
    return _REFUSED.sub(" ", value) if isinstance(value, str) else value


TARGET: Target = Vespa()
