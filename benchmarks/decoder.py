"""A decoder made a sparse encoder on the CPU: SmolLM2-135M from its GGUF, echo embeddings beside plain causal ones.

    python benchmarks/decoder.py FOLDER [--steps 22] [--batch 6] [--length 32] [--documents 100] [--queries 50]
        [--only NAME...] [--work DIR] [--output DIR]

FOLDER is a collection in BEIR form; questions of its training split are trained on, and --queries of its test split are
searched in --documents documents. Each way is measured before training, as the checkpoint is, and after: nDCG@10 of
exact search, active terms, documents encoded per second; of training: loss, seconds per step, and the peak memory of
the process. The table goes to stdout and to decoder.md and .json in the output folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from script import Report, main, measured_apart
from shipped_data import Part, draw

from lsr.eval.reports.markdown import markdown_table

WAYS = {"plain": {"model.document.echo": False}, "echo": {"model.document.echo": True}}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=22)
    parser.add_argument("--batch", type=int, default=6, help="questions in a step, each with a text")
    parser.add_argument("--length", type=int, default=32, help="tokens of a text (%(default)s)")
    parser.add_argument("--documents", type=int, default=100)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS))


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure each way in a separate process, so that its peak memory is its own."""
    rows = [measured_apart(way, "--work", str(work)) for way in arguments.only]
    about = (
        f"# SmolLM2-135M as a sparse encoder\n\n{arguments.steps} steps of {arguments.batch} questions, each with "
        f"its text, {arguments.length} tokens; {arguments.queries} others to {arguments.documents} documents.\n\n"
    )
    yield Report(about + table(rows), rows)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train one way; return its measures before and after."""
    way, work = arguments.one, arguments.work
    from resource import RUSAGE_SELF, getrusage

    from lsr.cli.console import progress_bar
    from lsr.training.config import read_config
    from lsr.training.model.student import Student
    from lsr.training.recipes import recipe_path
    from lsr.training.run import train
    from lsr.training.run.log import read_log

    for split, counts in (("train", (2_000, 2_000)), ("test", (arguments.queries, arguments.documents))):
        if not (work / split).exists():
            work.mkdir(exist_ok=True, parents=True)
            draw(arguments.folder, Part(split, *counts), work / split, 1.0)
    changes = {
        **WAYS[way],
        "data": [{"source": str(work / "train")}],
        "model.document.max_length": arguments.length,
        "run.steps": arguments.steps,
        "run.batch_size": arguments.batch,
        "run.negatives": 0,  # those of the batch
    }
    config = read_config(recipe_path("smollm2-echo"), changes)
    # The original checkpoint, without the bias that training starts from.
    plain = read_config(recipe_path("smollm2-echo"), {**changes, "model.document.bias": None})
    untrained = work / f"{way}-untrained"
    if not untrained.exists():
        Student(plain.model).eval().save(untrained)
    started = time.perf_counter()
    model = train(config, work / way, stages=progress_bar)
    seconds = (time.perf_counter() - started) / arguments.steps
    log = [line for line in read_log(work / way / "log.jsonl") if "loss" in line]
    return {
        "way": way,
        "seconds_a_step": seconds,
        "memory": getrusage(RUSAGE_SELF).ru_maxrss * 1024,
        "losses": [line["info_nce"] for line in log],
        "terms": [line["document_terms"] for line in log],
        "before": search(untrained, work, arguments.length),
        "after": search(model, work, arguments.length),
    }


def search(model: Path, work: Path, length: int) -> dict[str, float]:
    """Measure nDCG@10 and active terms on the test questions, and documents encoded per second."""
    from lsr.encoding.sparse.encoder import SparseEncoder
    from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index

    encoder = SparseEncoder.load(model, max_length=length)
    collection = load_collection(work / "test")
    texts = [document.contents for document in islice(collection.documents(), 64)]
    started = time.perf_counter()
    encoder.encode_documents(texts)
    rate = len(texts) / (time.perf_counter() - started)
    with tempfile.TemporaryDirectory() as folder:
        retriever = open_or_index(collection, Path(folder) / "index", encoder)
        report = evaluate(collection, retriever, EvaluationSettings(bm25=False, latency_queries=1)).report
    assert report.index is not None
    terms = report.index["active_terms"]["documents"]
    return {"ndcg@10": report.metrics["ndcg@10"], "document_terms": terms, "documents_a_second": rate}


def table(rows: list[dict[str, Any]]) -> str:
    head = ["", "nDCG@10", "terms a document", "documents/s", "loss", "s a step", "peak memory"]
    lines = []
    for row in rows:
        for when, place in (("before", 0), ("after", -1)):
            found = row[when]
            lines.append(
                [
                    f"{row['way']}, {when} training",
                    f"{found['ndcg@10']:.3f}",
                    f"{found['document_terms']:,.0f}",
                    f"{found['documents_a_second']:.1f}",
                    f"{row['losses'][place]:.2f}",
                    f"{row['seconds_a_step']:.1f}" if place else "",
                    f"{row['memory'] / 1e9:.1f} GB" if place else "",
                ]
            )
    return f"{markdown_table(head, lines)}\n"


if __name__ == "__main__":
    sys.exit(main("decoder", __doc__, options, run, apart=measure))
