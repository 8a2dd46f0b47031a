"""Searches over HTTP under load, beside pyseismic-lsr behind a thin route and milvus-lite: requests a second.

    python benchmarks/load.py DOCS.parquet QUERIES.parquet [--connections N ...] [--workers N ...]
        [--server uvicorn|granian ...] [--recall R] [--seconds S] [--queries N] [--work DIR] [--output DIR]

Server and generator run on the same machine, each in processes of its own, so with many connections they share its
cores. The documents' vectors are indexed, and tuned for the recall (`lsr tune`); searches give a vector by terms, on
connections that stay open, and answers have no texts. No answer is kept (`cache_bytes` 0), but in the row that says so.
Writes beside searches go to a second collection of the same server, of texts and words, for vectors cannot be added
over HTTP. pyseismic-lsr answers with rows and scores alone, from the fastest of its own grid with at least the same
recall; `milvus-lite server` is asked as it comes, through pymilvus, which speaks gRPC, in a thread for each connection.
What the generator itself can ask is measured with a server that says the same to everyone. Nothing else should run at
the same time. Peers and servers that are not installed are left out: pip install pyseismic-lsr
granian milvus-lite pymilvus.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from loads.servers import commands, load, milvus, milvus_server, posted, running, trivial
from loads.writes import remove, writing
from script import Report, main

from lsr.cli.console import note
from lsr.core.errors import InputError, LsrError
from lsr.eval.bench.engines.contract import BuiltIndex, Effort, Queries
from lsr.eval.bench.engines.seismic import SeismicEngine, index_class
from lsr.eval.bench.truth import Answers, exact_top
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index
from lsr.search.retriever import Retriever
from lsr.service import ServiceSettings
from lsr.vectors.files import iter_vectors, read_vectors
from lsr.vectors.sparse import SparseVectors

K = 10
# Documents a second that are added beside searches, and the connections of the rows of which there is one.
_ADDS = 500
_OF_ONE_ROW = 8
_COLLECTION = "vectors"
_LSR = (sys.executable, "-c", "from lsr.cli.app import main; main()")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("documents", type=Path, metavar="DOCS.parquet")
    parser.add_argument("queries_file", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64, 256], metavar="N", help="at once")
    parser.add_argument("--workers", type=int, nargs="+", default=[1], metavar="N", help="processes that answer")
    parser.add_argument("--server", nargs="+", choices=("uvicorn", "granian"), default=["uvicorn"], help="under these")
    parser.add_argument("--recall", type=float, default=0.98, metavar="R", help="of all searches (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20, metavar="S", help="of each measurement (%(default)s)")
    parser.add_argument("--queries", type=int, default=1000, metavar="N", help="use the first N (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Build, tune, and measure one server after another."""
    if "uvicorn" in arguments.server:
        ServiceSettings(workers=max(arguments.workers))  # refuses more than this version has
    root = work / "root"
    index = _built(arguments, root / _COLLECTION)
    queries = read_vectors(arguments.queries_file, dim=index.dim)[: arguments.queries]
    answers = exact_top(iter_vectors(arguments.documents, dim=index.dim), queries, K).at(K)
    asked = _requests(work / "requests.jsonl", queries, lambda terms, weights: _of_ours(terms, weights, arguments))
    inside = _in_process(root / _COLLECTION, queries, answers, arguments)
    values: dict[str, Any] = {"documents": len(index), "in_process": inside, "rows": {}, "left_out": []}
    rows = values["rows"]
    path = f"/v1/collections/{_COLLECTION}/search"
    for server in arguments.server:
        if find_spec(server) is None:
            values["left_out"].append(server)
            note(f"{server} is not installed, and left out")
            continue
        for workers in arguments.workers:
            name = f"lsr, {server}, {_processes(workers)}"
            for label, found in _of_service(commands(root)[server], workers, asked, path, arguments):
                note(f"{name}, {label}: {found['per_second']:,.0f} a second")
                rows.setdefault(name, {})[label] = found
            yield _report(values)
    if find_spec("seismic") is None:
        values["left_out"].append("pyseismic-lsr")
        note("pyseismic-lsr is not installed, and left out")
    else:
        for name, found_recall, measured in _peer(arguments, work, queries, answers):
            rows[name] = measured
            values["peer_recall"] = found_recall
        yield _report(values)
    if find_spec("milvus_lite") is None:
        values["left_out"].append("milvus-lite")
        note("milvus-lite is not installed, and left out")
    else:
        rows["milvus-lite, gRPC, 1 process"], values["milvus_recall"] = _milvus(arguments, work, index.dim, answers)
    size = next(iter(rows.values()))["1"]["answer_bytes"] if "1" in next(iter(rows.values()), {}) else 2000
    with trivial(size) as port:
        rows["the generator alone"] = {
            str(count): load(port, asked, path, count, arguments.seconds) for count in arguments.connections
        }
    yield _report(values)


def _built(arguments: argparse.Namespace, path: Path) -> Index:
    """The index of the documents, tuned for the recall; that of an earlier run if there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _lsr("index", "--vectors", str(arguments.documents), "-o", str(path))
    _lsr("tune", str(path), "--queries", str(arguments.queries_file), "--recall", str(arguments.recall), "-k", str(K))
    return Index.open(path)


def _lsr(*command: str) -> None:
    done = subprocess.run([*_LSR, *command], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise LsrError(f"lsr {command[0]} ended with {done.returncode}")


def _requests(path: Path, queries: SparseVectors, body: Callable[[Any, Any], dict[str, Any]]) -> Path:
    """A file of a request for each query that has terms."""
    rows = [(terms, weights) for _, terms, weights in queries if len(terms)]
    if not rows:
        raise InputError("has no queries with terms", source=str(path))
    path.write_text("".join(json.dumps(body(*row)) + "\n" for row in rows), encoding="utf-8")
    return path


def _of_ours(terms: Any, weights: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    vector = dict(zip(map(str, terms.tolist()), weights.tolist(), strict=True))
    return {"vector": vector, "k": K, "recall": arguments.recall, "include_text": False}


def _in_process(path: Path, queries: SparseVectors, answers: Answers, arguments: argparse.Namespace) -> dict[str, Any]:
    """The median of the same searches in this process, one after another, and their recall."""
    retriever = Retriever.open(path)
    retriever.warm_up()
    asked = [
        (number, _of_ours(terms, weights, arguments)["vector"])
        for number, (_, terms, weights) in enumerate(queries)
        if len(terms)
    ]
    # Rows of the file, by which answers go; those of the index are in the order of ids.
    given = (id for batch in iter_vectors(arguments.documents) for id in batch.ids)
    ids = {id: row for row, id in enumerate(given)}
    found: dict[int, list[int]] = {}
    times = []
    began = perf_counter()
    while not times or perf_counter() - began < arguments.seconds / 2:
        for number, vector in asked:
            start = perf_counter()
            hits = retriever.search(vector=vector, k=K, recall=arguments.recall).hits
            times.append((perf_counter() - start) * 1e3)
            found[number] = [ids[hit.id] for hit in hits]
    return {"p50_ms": statistics.median(times), "recall": _mean_recall(answers, found)}


def _mean_recall(answers: Answers, found: dict[int, list[int]]) -> float:
    return float(np.nanmean([answers.recall(number, rows) for number, rows in found.items()]))


def _of_service(
    command: list[str], workers: int, asked: Path, path: str, arguments: argparse.Namespace
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of one server: of each number of connections, then beside writes, then with answers that are kept."""
    settings: dict[str, Any] = {"cache_bytes": 0, "log_format": "off"}
    if command[0] == "-c":  # `lsr serve`; granian is told by its arguments
        settings["workers"] = workers
    # All connections may wait: what is refused would be fast.
    settings["queue"] = 2 * max(arguments.connections)
    with running(command, workers, settings) as port:
        size = posted(port, path, asked.read_bytes().splitlines()[0])["bytes"]
        for count in arguments.connections:
            yield str(count), {**load(port, asked, path, count, arguments.seconds), "answer_bytes": size}
        with writing(port, _ADDS) as written:
            found = load(port, asked, path, _OF_ONE_ROW, arguments.seconds)
        if written.failure:
            note(f"no row of writes beside searches: {written.failure}")
        else:
            yield f"{_OF_ONE_ROW}, beside writes", {**found, "adds_per_second": written.per_second}
        remove(port)
    with running(command, workers, {**settings, "cache_bytes": 256 << 20}) as port:
        yield f"{_OF_ONE_ROW}, answers kept", load(port, asked, path, _OF_ONE_ROW, arguments.seconds)


def _peer(
    arguments: argparse.Namespace, work: Path, queries: SparseVectors, answers: Answers
) -> Iterator[tuple[str, float, dict[str, Any]]]:
    """pyseismic-lsr, of the build and parameters that are the fastest at the recall."""
    engine, best = SeismicEngine(), None
    parts = Queries(queries, [np.arange(len(queries))], np.zeros(len(queries), np.float32))
    for number, settings in enumerate(engine.builds(Effort.full)):
        folder = work / f"seismic-{number}"
        if (folder / "index").exists():
            built = BuiltIndex(folder, (folder / "index").stat().st_size, 0.0, {"dim": queries.dim})
        else:
            folder.mkdir(exist_ok=True)
            built = engine.build(arguments.documents, queries.dim, folder, settings, 0)
        opened = engine.open(built, parts)
        for configuration in opened.configurations(K, Effort.full):
            search = opened.searcher(K, configuration)
            start = perf_counter()
            found = {query: opened.rows(search(query)) for query in range(len(queries))}
            seconds, recall = perf_counter() - start, _mean_recall(answers, found)
            if recall >= arguments.recall and (best is None or seconds < best[0]):
                best = seconds, recall, folder / "index", configuration.parameters
    if best is None:
        raise LsrError(f"pyseismic-lsr has no parameters in its grid for a recall of {arguments.recall}")
    _, recall, path, chosen = best
    # A term beyond the largest of the documents makes it panic.
    limit = index_class(queries.dim).load(str(path)).dim
    asked = _requests(work / "peer.jsonl", queries.keep(queries.indices < limit), _of_peer)
    cut, factor = str(chosen["query_cut"]), str(chosen["heap_factor"])
    script = str(Path(__file__).parent / "loads" / "seismic_server.py")
    for workers in arguments.workers:
        with running([script, str(path), str(queries.dim), "PORT", "WORKERS", cut, factor], workers) as port:
            measured = {
                str(count): load(port, asked, "/search", count, arguments.seconds) for count in arguments.connections
            }
        yield f"pyseismic-lsr, uvicorn, {_processes(workers)}", recall, measured


def _milvus(
    arguments: argparse.Namespace, work: Path, dim: int, answers: Answers
) -> tuple[dict[str, dict[str, Any]], float | None]:
    """milvus-lite's own server, and its recall if it answers in time; documents of an earlier run stay."""
    folder = work / "milvus"
    made = (folder / "whole").exists()
    measured, found = {}, {}
    with milvus_server(folder) as port:
        if not made:
            milvus(port, "fill", arguments.documents, dim)
            (folder / "whole").touch()
        for count in arguments.connections:
            asked = (arguments.queries_file, dim, K, arguments.queries, count, arguments.seconds)
            measured[str(count)] = milvus(port, "load", *asked)
            found |= {int(number): rows for number, rows in measured[str(count)].pop("found").items()}
    return measured, _mean_recall(answers, found) if found else None


def _of_peer(terms: Any, weights: Any) -> dict[str, Any]:
    return {"terms": terms.tolist(), "weights": weights.tolist(), "k": K}


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _report(values: dict[str, Any]) -> Report:
    table = markdown_table(
        ["", "connections", "requests a second", "p50, ms", "p95, ms", "p99, ms", "errors"],
        [
            [name, label, f"{row['per_second']:,.0f}", *(_ms(row[key]) for key in _QUANTILES), f"{row['errors']:,}"]
            for name, measured in values["rows"].items()
            for label, row in measured.items()
        ],
    )
    return Report(f"# Load\n\n{table}\n\n{' '.join(_told(values))}", values)


_QUANTILES = ("p50_ms", "p95_ms", "p99_ms")


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _told(values: dict[str, Any]) -> Sequence[str]:
    """What the table means, in sentences."""
    inside = values["in_process"]
    told = [
        f"{values['documents']:,} documents, k = {K}. In process, the median of the same searches is "
        f"{inside['p50_ms']:.2f} ms, with a recall of {inside['recall']:.3f}."
    ]
    for name, measured in values["rows"].items():
        if name.startswith("lsr") and "1" in measured:
            over = measured["1"]["p50_ms"] - inside["p50_ms"]
            measured["1"]["overhead_ms"] = over
            told.append(f"With one connection, HTTP adds {over:.2f} ms to that ({name}).")
        for label, row in measured.items():
            if "adds_per_second" in row:
                told.append(f"{row['adds_per_second']:,.0f} documents a second were added ({name}, {label}).")
    if "peer_recall" in values:
        told.append(f"pyseismic-lsr has a recall of {values['peer_recall']:.3f}.")
    if "milvus_recall" in values:
        recall = values["milvus_recall"]
        told.append(f"milvus-lite {'answers nothing in time' if recall is None else f'has a recall of {recall:.3f}'}.")
    if values["left_out"]:
        told.append(f"Not installed: {', '.join(values['left_out'])}.")
    return told


if __name__ == "__main__":
    sys.exit(main("load", __doc__, options, run))
