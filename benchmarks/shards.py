"""Collections of shards beside one index: the same answers, building on one and two workers, and serving.

    python benchmarks/shards.py FOLDER... [--shards N] [--model NAME] [--workers N ...] [--connections N ...]
        [--seconds S] [--queries N] [--work DIR] [--output DIR]

Each FOLDER is a BEIR folder. Its documents are indexed as one, and as shards, with words; vectors by chance, seeded by
a document's id, stand for dense ones. Ids and scores are compared in every way to search. Approximate ways may differ,
since each shard cuts off for itself: their overlap is told, not held. Then the first collection is built on a cluster
of Ray on this machine by each number of workers, encoding included, the cluster's start not; and its shards are served
by `lsr serve --engine ray`, beside `lsr serve` of the one index and of the same shards, in turn. Servers and generator
share the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from loads.servers import load, posted, running
from script import Report, main, measured_apart, resident

from lsr.build.corpus import index_corpus
from lsr.build.sharded.job import index_sharded
from lsr.cli.console import note
from lsr.core.files import atomic_file
from lsr.core.types import Vectors
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import load_collection
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index, add_dense
from lsr.index.fusion.query import HybridQuery
from lsr.index.fusion.search import search_rows
from lsr.index.fusion.settings import FusionSettings, RetrievalPlan, RetrieveSettings
from lsr.search.retriever import Retriever

K = 10
_DIM = 32
_LSR = ("-c", "from lsr.cli.app import main; main()")
_EXACT = ("exact", "exhaustive")
_PLANS = {
    "dense": RetrievalPlan(retrieve=RetrieveSettings(mode="dense")),
    "hybrid, by scores": RetrievalPlan(retrieve=RetrieveSettings(mode="hybrid"), fusion=FusionSettings(method="tmm")),
    "hybrid, by ranks": RetrievalPlan(retrieve=RetrieveSettings(mode="hybrid"), fusion=FusionSettings(method="rrf")),
    "sparse first": RetrievalPlan(retrieve=RetrieveSettings(mode="sparse-first")),
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--model", default="lsr-doc-tiny")
    parser.add_argument("--shards", type=int, default=4, metavar="N", help="(%(default)s)")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2], metavar="N", help="that build")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], metavar="N", help="at once")
    parser.add_argument("--seconds", type=float, default=8, metavar="S", help="of each measurement (%(default)s)")
    parser.add_argument("--queries", type=int, default=300, metavar="N", help="ask the first N (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Compare, build, serve."""
    values: dict[str, Any] = {"shards": arguments.shards, "load_before": os.getloadavg()[0], "same": {}}
    for folder in arguments.folders:
        note(f"{folder.name} …")
        values["same"][folder.name] = compared(folder, arguments, work)
        yield _report(values)
    for number in arguments.workers:
        note(f"building with {number} workers …")
        values.setdefault("built", {})[f"{number} workers"] = measured_apart(f"build:{number}")
        yield _report(values)
    for name, found in served(arguments, work):
        values.setdefault("served", {})[name] = found
        values["load_after"] = os.getloadavg()[0]
        yield _report(values)


def compared(folder: Path, arguments: argparse.Namespace, work: Path) -> dict[str, Any]:
    """How many of the queries have the same ids and scores, to the bit, by each way to search."""
    collection = load_collection(folder)
    encoder = SparseEncoder.load(arguments.model)
    one, many = (_dense(index) for index in _both(collection, encoder, arguments.shards, work / folder.name))
    texts = [query.text for query in collection.asked()[: arguments.queries]]
    retrievers, same = [Retriever(one), Retriever(many)], dict[str, Any]()
    found = [[[(h.id, h.score) for h in each.search(text, K).hits] for text in texts] for each in retrievers]
    same["text, by terms and words"] = _share(found)
    queries = [each.sparse_queries(texts) for each in retrievers]
    rows = [[each.row(number) for number in range(len(texts))] for each in queries]
    for mode in [*_EXACT, *(mode for mode in one.sparse.modes if mode not in _EXACT)]:
        found = []
        for index, asked in zip((one, many), rows, strict=True):
            hits = [index.search(terms, weights, K, mode=mode) for terms, weights in asked]
            found.append([list(zip(each.ids, each.scores.tolist(), strict=True)) for each in hits])
        same[mode] = _share(found)
    for name, plan in _PLANS.items():
        found = []
        for index, asked in zip((one, many), rows, strict=True):
            answers = [
                search_rows(index, HybridQuery(sparse, _vector(text)), K, plan)
                for sparse, text in zip(asked, texts, strict=True)
            ]
            found.append(
                [list(zip(index.documents.row_ids(hits.rows), hits.scores.tolist(), strict=True)) for hits in answers]
            )
        same[name] = _share(found)
    return {"documents": len(one), "queries": len(texts), "ways": same}


def _both(collection: Any, encoder: SparseEncoder, shards: int, work: Path) -> tuple[Index, Index]:
    """One index, and shards, with words; made once."""
    one, many, words = work / "one", work / "shards", LexicalSettings()
    work.mkdir(parents=True, exist_ok=True)
    if not one.exists():
        index_corpus(collection.documents(), one, encoder, lexical=words)
    if not many.exists():
        index_sharded(collection.documents(), many, encoder, shards=shards, lexical=words)
    return Index.open(one), Index.open(many)


def _dense(index: Index) -> Index:
    """With dense vectors, which a document's id says."""
    if "dense" in index.parts:
        return index
    shards = index.manifest.shards
    parts = [index] if shards is None else [Index.open(index.path / each.name) for each in shards.records if each]
    for part in parts:
        add_dense(part, [np.stack([_vector(id) for id in part.documents.row_ids(np.arange(len(part)))])])
    return Index.open(index.path)


def _vector(name: str) -> Vectors:
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(_DIM).astype(np.float32)


def _share(found: list[list[Any]]) -> dict[str, float]:
    """The share of queries with the same ids and scores, and of the top ten that is the same."""
    pairs = list(zip(*found, strict=True))
    common = [len({id for id, _ in one} & {id for id, _ in many}) / max(1, len(one)) for one, many in pairs]
    return {"same": sum(one == many for one, many in pairs) / len(pairs), "overlap": round(float(np.mean(common)), 5)}


def apart(arguments: argparse.Namespace) -> dict[str, Any]:
    """Build the first collection on a cluster of this machine; seconds, once the cluster is there, and memory."""
    import ray

    from lsr.build.distribute.job import index_distributed
    from lsr.build.distribute.sources import CorpusSource, ModelSource
    from lsr.core.ray import connected

    workers = int(arguments.one.partition(":")[2])
    read, load = CorpusSource(str(arguments.folders[0].absolute())), ModelSource(arguments.model)
    seconds = dict[str, float]()

    class Stage:
        def __init__(self, name: str, *rest: Any) -> None:
            self._name = name

        def __enter__(self) -> Any:
            self._started = perf_counter()
            return lambda done: None

        def __exit__(self, *error: object) -> None:
            seconds[self._name] = round(perf_counter() - self._started, 2)

    with connected("data", num_cpus=2, object_store_memory=200 << 20):
        import tempfile

        ray.get(ray.remote(lambda: None).remote())
        with tempfile.TemporaryDirectory() as folder:
            started = perf_counter()
            index_distributed(
                read,
                Path(folder) / "made",
                load,
                shards=arguments.shards,
                workers=workers,
                stages=Stage,
                lexical=LexicalSettings(),
            )
            total = round(perf_counter() - started, 2)
    return {"seconds": total, "stages": seconds, "driver_peak_mb": round(resident("VmHWM") / 1e6, 1)}


def served(arguments: argparse.Namespace, work: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests a second and latencies of each way to serve the first collection."""
    folder = work / arguments.folders[0].name
    collection = load_collection(arguments.folders[0])
    texts = [query.text for query in collection.asked()[: arguments.queries]]
    requests = folder / "requests.jsonl"
    with atomic_file(requests, force=True) as temporary:
        lines = [json.dumps({"text": text, "k": K, "include_text": False}) for text in texts]
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    ways = {
        "one index, one process": [str(folder / "one")],
        "shards, one process": [str(folder / "shards")],
        "shards, Ray Serve": [str(folder / "shards"), "--engine", "ray"],
    }
    answers = []
    for name, more in ways.items():
        note(f"{name} …")
        found: dict[str, Any] = {}
        with running([*_LSR, "serve", *more, "--port", "PORT"], 1, {"cache_bytes": 0}) as port:
            body = requests.read_bytes().splitlines()
            answers.append([[hit["id"] for hit in posted(port, "/v1/search", each)["hits"]] for each in body[:50]])
            for connections in arguments.connections:
                found[f"{connections} connections"] = load(port, requests, "/v1/search", connections, arguments.seconds)
        found["same_answers"] = answers[-1] == answers[0]
        yield name, found


def _report(values: dict[str, Any]) -> Report:
    parts, sound = (
        [f"# Shards\n\n{values['shards']} shards. Load of the machine before: {values['load_before']:.1f}."],
        True,
    )
    for name, found in values["same"].items():
        rows = []
        for way, shares in found["ways"].items():
            rows.append([way, f"{shares['same']:.1%}", f"{shares['overlap']:.4f}"])
            sound = sound and (shares["same"] == 1 or way not in (*_EXACT, *_PLANS, "text, by terms and words"))
        heads = ["", "the same ids and scores", "top 10 in common"]
        data = f"{found['documents']:,} documents of {name}, {found['queries']} queries."
        parts.append(f"{data}\n\n{markdown_table(heads, rows)}")
    if built := values.get("built"):
        heads = ["", "seconds", "encoding", "measuring", "building", "driver's peak MB"]
        rows = [
            [
                name,
                f"{each['seconds']:.1f}",
                *(
                    f"{sum(s for n, s in each['stages'].items() if n.startswith(stage)):.1f}"
                    for stage in ("encoding", "measuring", "building")
                ),
                f"{each['driver_peak_mb']:,.0f}",
            ]
            for name, each in built.items()
        ]
        parts.append(markdown_table(heads, rows))
    if ways := values.get("served"):
        rows = []
        for name, found in ways.items():
            sound = sound and found["same_answers"]
            for label, each in found.items():
                if isinstance(each, dict):
                    rows.append(
                        [name, label, f"{each['per_second']:,.0f}", f"{each['p50_ms']:.2f}", f"{each['p99_ms']:.2f}"]
                    )
        parts.append(markdown_table(["", "", "requests a second", "p50 ms", "p99 ms"], rows))
    return Report("\n\n".join(parts), values, sound=sound)


if __name__ == "__main__":
    sys.exit(main("shards", __doc__, options, run, apart=apart))
