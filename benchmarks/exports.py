"""What `lsr export --to` writes, read back and searched: the same vectors, and how many of the top ten are the same.

    python benchmarks/exports.py FOLDER [--model NAME] [--queries N] [--target NAME]... [--work DIR] [--output DIR]
        [--elasticsearch-openapi FILE] [--opensearch-specification FOLDER]

FOLDER is a BEIR folder. Its documents are indexed, exported to every engine whose package is installed, read back by
that package, compared with the index to the bit, and asked its queries; the top ten are compared with those of exact
search here. Qdrant is searched by its client's local mode and by qdrant-edge, Milvus by Milvus Lite. Lance has no index
of sparse vectors: what it gives back is scored here. OpenSearch, Elasticsearch and Vespa have no local form: the files
are read back and scored here by the rules that these engines publish for the weights that they keep, which says what
their rounding costs, not what they answer. Their files are checked against the published schema: `output/openapi/`
of elastic/elasticsearch-specification, `spec/schemas/` of opensearch-project/opensearch-api-specification, and, for
Vespa, the schema that pyvespa writes for the same fields.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from exported.checks import CHECKS, versions
from exported.readers import READERS, Search
from script import Report, main

from lsr.cli.console import note
from lsr.core.errors import LsrError, MissingDependencyError
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import load_collection, open_or_index
from lsr.eval.bench.engines.disk import bytes_on_disk
from lsr.eval.reports.markdown import markdown_table
from lsr.exchange.names import TARGETS
from lsr.exchange.source import Source, TermWeights
from lsr.exchange.targets import load_target
from lsr.index import Index
from lsr.index.build.export import iter_vectors
from lsr.vectors.sparse import SparseVectors

K = 10


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--queries", type=int, default=300, metavar="N", help="ask the first N (300)")
    parser.add_argument("--target", action="append", default=[], choices=TARGETS, help="only this one; several")
    parser.add_argument("--elasticsearch-openapi", type=Path, metavar="FILE")
    parser.add_argument("--opensearch-specification", type=Path, metavar="FOLDER")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Export to each, read back, search, check."""
    collection = load_collection(arguments.folder)
    encoder = SparseEncoder.load(arguments.model)
    path = work / f"{arguments.folder.name}-{arguments.model}"
    retriever = open_or_index(collection, path, encoder, lexical=LexicalSettings())
    index = retriever.index
    queries = retriever.sparse_queries([query.text for query in collection.asked()[: arguments.queries]])
    stored = SparseVectors.concatenate(list(iter_vectors(index)))
    asked = [queries.row(number) for number in range(len(queries))]
    truth = [index.documents.row_ids(hits.rows) for hits in index.search_batch(queries, K, mode="exact")]
    about = {"collection": collection.name, "documents": len(index), "queries": len(asked), "k": K}
    rows = earlier(arguments, about)
    sound = True
    for name in arguments.target or TARGETS:
        note(f"{name} …")
        try:
            written = exported(name, index, asked[0], work)
        except MissingDependencyError as error:
            note(str(error))
            continue
        for label, read in READERS[name].items():
            found = measured(label, read, written, stored, asked, truth, index)
            rows[label] = {**{key: written[key] for key in ("seconds", "bytes")}, **found}
            sound = sound and found["same_vectors"]
        check = CHECKS.get(name)
        said = None if check is None else check(written["place"], arguments)
        for label in READERS[name]:
            rows[label]["checked"] = said
        values = {**about, "model": arguments.model, "versions": versions(), "rows": rows}
        yield Report(f"# Exports\n\n{table(rows, about)}", values, sound=sound)


def earlier(arguments: argparse.Namespace, about: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of an earlier run over the same data, of which others are measured now: a run need not be of all."""
    path = arguments.output / "exports.json"
    values = json.loads(path.read_text(encoding="utf-8"))["values"] if arguments.target and path.exists() else {}
    same = values.get("model") == arguments.model and {name: values.get(name) for name in about} == about
    return dict(values["rows"]) if same else {}


def exported(name: str, index: Index, query: TermWeights, work: Path) -> dict[str, Any]:
    """Export; where to, in how many seconds, and how many bytes."""
    place = work / ("exported.lance" if name == "lance" else f"exported-{name}")
    started = time.perf_counter()
    load_target(name).write(Source(index, name="docs"), str(place), force=True, query=query, k=K)
    seconds = round(time.perf_counter() - started, 2)
    return {"place": place, "seconds": seconds, "bytes": bytes_on_disk(place)}


def measured(
    label: str,
    read: Any,
    written: dict[str, Any],
    stored: SparseVectors,
    asked: list[TermWeights],
    truth: list[list[str]],
    index: Index,
) -> dict[str, Any]:
    """Whether the same vectors came back, and the overlap of the top ten."""
    vectors: dict[str, TermWeights]
    search: Search
    vectors, search = read(written["place"], index)
    same = len(vectors) == len(stored) and all(
        np.array_equal(terms, vectors[id][0]) and np.array_equal(weights, vectors[id][1])
        for id, terms, weights in stored
    )
    answers = [search(terms, weights, K) for terms, weights in asked]
    shares = [len(set(ids) & set(right)) / max(1, len(right)) for ids, right in zip(answers, truth, strict=True)]
    first = [ids[:1] == right[:1] for ids, right in zip(answers, truth, strict=True)]
    return {"same_vectors": same, "overlap": round(float(np.mean(shares)), 5), "first": round(float(np.mean(first)), 5)}


def table(rows: dict[str, dict[str, Any]], about: dict[str, Any]) -> str:
    """The table, and the data."""
    shown = [
        [
            label,
            f"{row['seconds']:.1f}",
            f"{row['bytes'] / 1e6:.1f}",
            "yes" if row["same_vectors"] else "NO",
            f"{row['overlap']:.4f}",
            f"{row['first']:.4f}",
            row.get("checked") or "",
        ]
        for label, row in rows.items()
    ]
    heads = ["", "export s", "MB", "same vectors", "top 10 in common", "same first", "checked against"]
    data = f"{about['documents']:,} documents of {about['collection']}, {about['queries']} queries."
    return f"{markdown_table(heads, shown)}\n\n{data}"


if __name__ == "__main__":
    try:
        sys.exit(main("exports", __doc__, options, run))
    except LsrError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
