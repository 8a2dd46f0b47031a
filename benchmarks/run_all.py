"""The benchmarks, one after another: nothing else should run on the machine meanwhile.

    python benchmarks/run_all.py [--collections FOLDER...] [--vectors FILE --queries FILE] [--output DIR]

Without collections and vectors of yours, the corpus of `lsr demo` (made in ./lsr-demo if it is not there) and its
vectors are used. Results go to ./lsr-bench. Other engines are measured where they are installed (the extra `bench`).
Not among these: what trains (adapted.py, decoder.py, training_compared.py, training_step.py), idf_prior.py, which draws
samples of collections, and scale.py, which takes hours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run them; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", nargs="+", type=Path, help="BEIR folders; the first is also encoded for speed")
    parser.add_argument("--vectors", type=Path, help="documents, as `lsr encode` writes them")
    parser.add_argument("--queries", type=Path, help="queries, as `lsr encode --queries` writes them")
    parser.add_argument("--output", type=Path, default=Path("lsr-bench"))
    arguments = parser.parse_args()
    if (arguments.vectors is None) != (arguments.queries is None):
        parser.error("give --vectors and --queries together")
    try:
        run(arguments)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def run(arguments: argparse.Namespace) -> None:
    """The benchmarks, with what they are to measure on."""
    if not arguments.collections:
        arguments.collections = [Path("lsr-demo")]
        lsr("demo")
    output = ["--output", arguments.output]
    benchmark("effectiveness", *arguments.collections, *output)
    benchmark("encoding", arguments.collections[0], *output)
    benchmark("query_encoding", arguments.collections[0], *output)
    with tempfile.TemporaryDirectory() as folder:
        vectors, queries = arguments.vectors, arguments.queries
        if vectors is None:
            vectors, queries = Path(folder) / "documents.parquet", Path(folder) / "queries.parquet"
            lsr("encode", arguments.collections[0], "-o", vectors)
            lsr("encode", arguments.collections[0] / "queries.jsonl", "--queries", "-o", queries)
        benchmark("engines", vectors, queries, *output)
        benchmark("filters", vectors, queries, *output)
    benchmark("cold_start", *output)


def benchmark(name: str, *arguments: object) -> None:
    """Run one script of this folder."""
    print(f"\n== {name}", file=sys.stderr)
    subprocess.run([sys.executable, HERE / f"{name}.py", *map(str, arguments)], check=True)


def lsr(*arguments: object) -> None:
    """Run an `lsr` command, its answer unseen."""
    command = [sys.executable, "-c", "from lsr.cli.app import main; main()", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
