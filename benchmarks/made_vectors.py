"""Makes collections of sparse vectors, as large as desired and as hard to search as a real one.

    python benchmarks/made_vectors.py --documents 1000000 --output made.parquet [--like DOCS.parquet]
        [--queries-from FILE] [--queries-output QUERIES.parquet] [--relevant SHARE] [--terms 119] [--seed 0]

Every document is a variation of a real one (`--like`), made by vector_maker.py, so that its terms, their weights and
which of them occur together are realistic, while the number of documents is free. Without real documents, the originals
come from a topic model (made_topics.py).

The target shape is that of MS MARCO under SPLADE++: a vocabulary of 30,522, 119 terms per document. Queries are given
(`--queries-from`: real ones, Parquet, or JSON lines over BERT's word pieces) or made: seeds that are kept back, cut to
43 terms. Given queries about other subjects than the seeds need `--relevant 0.02`: that share of the documents is about
a query each, starts from one of the seeds that fit it best, and holds a part of its terms; otherwise the best answers
are accidents.

vector_maker.py says how close this comes to real vectors; vector_statistics.py measures it for any files.

The same seed gives the same file, and a larger collection begins with the smaller one. One thread, less than 1.5 GiB.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from made_topics import made_seeds
from script import exit_code
from vector_maker import VectorMaker

from lsr.cli.console import progress_bar
from lsr.vectors.files import iter_vectors, read_vectors, write_vectors
from lsr.vectors.sparse import SparseVectors

VOCABULARY = 30_522
TERMS = 119.0
QUERY_TERMS = 43.0
MADE_QUERIES = 2_000
# More would not make the documents more varied: the rest comes from mixing.
MAX_SEEDS = 300_000


def read_seeds(path: Path) -> SparseVectors:
    """Read at most MAX_SEEDS documents of a Parquet file, evenly spaced."""
    batches = iter_vectors(path)
    step = max(1, -(-pq.read_metadata(path).num_rows // MAX_SEEDS))
    parts, start = [], 0
    for batch in batches:
        parts.append(batch.take(np.arange(-start % step, len(batch), step)))
        start += len(batch)
    return SparseVectors.concatenate(parts)


def made_queries(documents: SparseVectors, seed: int = 0) -> SparseVectors:
    """Make a query from each document, ids "q0", "q1", …: QUERY_TERMS of its terms on average, mostly heavy ones."""
    rng = np.random.default_rng([seed, 1])
    lengths = np.diff(documents.indptr)
    kept = np.clip(np.rint(lengths * QUERY_TERMS * len(documents) / documents.nnz), 1, lengths).astype(np.int64)
    # A query is not simply the head of a document: what it mentions is partly random.
    appeal = documents.weights / documents.weights.mean() + rng.exponential(2.0, documents.nnz)
    order = np.lexsort((-appeal, np.repeat(np.arange(len(documents)), lengths)))
    rank = np.arange(documents.nnz) - np.repeat(documents.indptr[:-1], lengths)
    chosen = np.sort(order[rank < np.repeat(kept, lengths)])
    indptr = np.concatenate([[0], np.cumsum(kept)])
    ids = [f"q{i}" for i in range(len(documents))]
    return SparseVectors(indptr, documents.indices[chosen], documents.weights[chosen], ids, documents.dim)


def read_queries(path: Path) -> SparseVectors:
    """Read queries: Parquet, or JSON lines, whose terms are looked up among the packaged model's word pieces."""
    if path.suffix == ".parquet":
        return read_vectors(path)
    from lsr.encoding.sparse.encoder import SparseEncoder

    return read_vectors(path, vocabulary=SparseEncoder.load("splade-tiny").vocabulary)


def of_size(vectors: SparseVectors, dim: int) -> SparseVectors:
    """The same vectors, with a vocabulary of at least `dim` terms."""
    return SparseVectors(vectors.indptr, vectors.indices, vectors.weights, vectors.ids, dim, validate=False)


def reporting(batches: Iterator[SparseVectors], progress: Callable[[int], None]) -> Iterator[SparseVectors]:
    """Yield the same batches, and report their sizes to `progress`."""
    for batch in batches:
        yield batch
        progress(len(batch))


def main() -> int:
    """Make a file of documents and, if requested, one of matching queries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, required=True, metavar="N")
    parser.add_argument("--output", type=Path, required=True, metavar="DOCS.parquet")
    add_source_arguments(parser)
    parser.add_argument("--queries-output", type=Path, metavar="QUERIES.parquet")
    parser.add_argument("--force", action="store_true", help="replace outputs that exist")
    arguments = parser.parse_args()
    return exit_code(lambda: make(arguments))


def make(arguments: argparse.Namespace) -> None:
    """Write the files."""
    maker, queries = open_maker(arguments)
    if arguments.queries_output:
        write_vectors(arguments.queries_output, [queries], force=arguments.force)
    with progress_bar("making documents", arguments.documents) as progress:
        documents = reporting(maker.documents(arguments.documents), progress)
        write_vectors(arguments.output, documents, force=arguments.force)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that `open_maker` reads."""
    parser.add_argument("--like", type=Path, metavar="DOCS.parquet", help="real documents to make variations of")
    parser.add_argument(
        "--queries-from",
        "--queries",
        dest="queries_from",
        type=Path,
        metavar="FILE",
        help="real queries (Parquet or JSON lines)",
    )
    parser.add_argument("--relevant", type=float, default=0.0, metavar="SHARE", help="of documents about a query")
    parser.add_argument("--terms", type=float, default=TERMS, help="of a document, on average (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)


def open_maker(arguments: argparse.Namespace) -> tuple[VectorMaker, SparseVectors]:
    """The maker for the command line's arguments, and the queries to use with its documents."""
    given = None if arguments.like is None else read_seeds(arguments.like)
    about = None if arguments.queries_from is None else read_queries(arguments.queries_from)
    # For files that do not record the size of their vocabulary, it is inferred from their largest term.
    dim = max(VOCABULARY, *(vectors.dim for vectors in (given, about) if vectors is not None), 0)
    queries = None if about is None else of_size(about, dim)
    seeds = made_seeds(queries, dim, arguments.seed) if given is None else of_size(given, dim)
    if queries is None:
        # Seeds that become queries do not become documents, or each query would have answers made from itself.
        held_out = np.unique(np.linspace(0, len(seeds) - 1, min(MADE_QUERIES, len(seeds) // 2 + 1)).astype(np.int64))
        queries = made_queries(seeds.take(held_out), arguments.seed)
        seeds = seeds.take(np.setdiff1d(np.arange(len(seeds)), held_out))
    maker = VectorMaker(seeds, terms=arguments.terms, queries=queries, relevant=arguments.relevant, seed=arguments.seed)
    return maker, queries


if __name__ == "__main__":
    sys.exit(main())
