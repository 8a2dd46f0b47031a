"""Speed and memory of SparseEncoder.encode_documents, compared with sentence-transformers on the same weights.

Every row of the table is measured in a separate process: load the model, encode one short text, then encode the first
documents of a BEIR folder. Memory is the peak of resident memory in the last step, minus what was resident before.
Needs Linux (/proc).

With --busy N, lsr alone is measured, by its default of threads and on one, first undisturbed and then while N other
processes never rest (encoding_shared.md).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from script import Report, main, measured_apart, reset_peak, resident

from lsr.core.errors import InputError
from lsr.eval.measures.machine import cpus, processor

SYSTEMS = {
    "lsr": "lsr",
    "lsr-float32": "lsr, without bfloat16",
    "st-8": "sentence-transformers, batch size 8",
    "st-32": "sentence-transformers, batch size 32",
    "st-64": "sentence-transformers, batch size 64",
}
SHARED = {"default": "by default", "one": "on one thread"}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="BEIR_FOLDER", help="folder with a corpus.jsonl")
    parser.add_argument("--documents", type=int, default=1000, metavar="N", help="how many to encode (%(default)s)")
    parser.add_argument("--model", default="splade-tiny", help="packaged model or folder (%(default)s)")
    parser.add_argument("--max-length", type=int, default=256, metavar="TOKENS", help="(%(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of torch and the tokenizer (all cores)")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="beside N processes that never rest")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="with --busy, in turns (%(default)s)")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="rows to measure")


def run(arguments: argparse.Namespace, _: Path) -> Iterator[Report]:
    """Measure each system in a separate process."""
    if not (arguments.folder / "corpus.jsonl").exists():
        raise InputError("no corpus.jsonl is there", source=str(arguments.folder))
    if arguments.busy:
        yield shared(arguments)
        return
    threads = arguments.threads or cpus()
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "RAYON_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "true",
    }
    rows = {}
    for system in arguments.systems:
        print(f"measuring {SYSTEMS[system]}", file=sys.stderr)
        rows[system] = measured_apart(system, environment=environment)
    result = {
        "collection": arguments.folder.resolve().name,
        "documents": arguments.documents,
        "model": Path(arguments.model).name,
        "max_length": arguments.max_length,
        "threads": threads,
        "processor": processor(),
        "systems": rows,
    }
    yield Report(markdown(result), result)


def shared(arguments: argparse.Namespace) -> Report:
    """Measure the default of threads and one thread in turns, undisturbed and beside busy processes."""
    rows: dict[str, list[float]] = {}
    for busy in (0, arguments.busy):
        loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            for _ in range(arguments.rounds):
                for way in SHARED:
                    environment = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"} if way == "one" else {}
                    found = measured_apart("lsr", environment=environment)
                    rows.setdefault(f"{way}, {busy} busy", []).append(found["documents_per_second"])
        finally:
            for loop in loops:
                loop.kill()
                loop.wait()
    values = {
        "documents": arguments.documents,
        "model": Path(arguments.model).name,
        "cpus": cpus(),
        "busy": arguments.busy,
        "rows": {name: {"rounds": each, "documents_per_second": median(each)} for name, each in rows.items()},
    }
    return Report(shared_markdown(values, arguments), values, name="encoding_shared")


def shared_markdown(values: dict[str, Any], arguments: argparse.Namespace) -> str:
    lines = [
        f"First {values['documents']:,} documents of {arguments.folder.resolve().name}, {values['model']}, documents a "
        f"second: the median of {arguments.rounds} rounds, in turns, {values['cpus']} processors.",
        "",
        f"| threads | undisturbed | beside {values['busy']} busy |",
        "|---|---:|---:|",
    ]
    for way, words in SHARED.items():
        found = [values["rows"][f"{way}, {busy} busy"]["documents_per_second"] for busy in (0, values["busy"])]
        lines.append(f"| {words} | {found[0]:.1f} | {found[1]:.1f} |")
    return "\n".join(lines) + "\n"


def markdown(result: dict[str, Any]) -> str:
    rows = result["systems"]
    peers = [row for system, row in rows.items() if system.startswith("st-")]
    best = max((row["documents_per_second"] for row in peers), default=None)
    lines = [
        f"First {result['documents']:,} documents of {result['collection']}, {result['model']}, max_length "
        f"{result['max_length']}, {result['threads']} threads, {result['processor']}.",
        "",
        "| | documents/s | to the best of sentence-transformers | peak memory above the model, MB | terms a document |",
        "|---|---:|---:|---:|---:|",
    ]
    for system, row in rows.items():
        ratio = f"{row['documents_per_second'] / best:.1f} ×" if best else ""
        lines.append(
            f"| {SYSTEMS[system]} | {row['documents_per_second']:.1f} | {ratio} | {row['peak_mb']:.0f} | "
            f"{row['terms_per_document']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Measure one system, in this process."""
    with (arguments.folder / "corpus.jsonl").open(encoding="utf-8") as file:
        documents = [json.loads(line) for line in islice(file, arguments.documents)]
    texts = [f"{document.get('title', '')} {document['text']}".strip() for document in documents]
    system, _, batch_size = arguments.one.partition("-")
    if system == "lsr":
        encode = ours(arguments, without_bfloat16=batch_size == "float32")
    else:
        encode = theirs(arguments, int(batch_size))
    encode(["one short text"])
    before = resident("VmRSS")
    reset_peak()  # loading may have needed more memory
    start = time.perf_counter()
    terms = encode(texts)
    seconds = time.perf_counter() - start
    return {
        "documents_per_second": len(texts) / seconds,
        "seconds": seconds,
        "peak_mb": (resident("VmHWM") - before) / (1 << 20),
        "terms_per_document": terms / len(texts),
    }


def ours(arguments: argparse.Namespace, *, without_bfloat16: bool) -> Any:
    from lsr import SparseEncoder
    from lsr.encoding.shared import placement
    from lsr.encoding.sparse import transformer

    if without_bfloat16:  # as on a processor without bfloat16
        placement.has_native_bfloat16 = transformer.has_native_bfloat16 = lambda device: False
    encoder = SparseEncoder.load(arguments.model, max_length=arguments.max_length)
    return lambda texts: encoder.encode_documents(texts).nnz


def theirs(arguments: argparse.Namespace, batch_size: int) -> Any:
    import logging

    from sentence_transformers import SparseEncoder

    from lsr.encoding.catalogue import resolve

    logging.disable(logging.WARNING)
    model = SparseEncoder(str(resolve(arguments.model)), device="cpu")
    model.max_seq_length = arguments.max_length
    return lambda texts: (
        model.encode_document(texts, batch_size=batch_size, show_progress_bar=False).coalesce().values().numel()
    )


if __name__ == "__main__":
    sys.exit(main("encoding", __doc__, options, run, apart=measure))
