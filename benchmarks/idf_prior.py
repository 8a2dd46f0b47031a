"""How far to trust the IDF of a small collection: the constant in the rule of `lsr.Retriever`.

    python benchmarks/idf_prior.py FOLDER... [--model lsr-doc-tiny] [--sizes 5,10,30,100,300,1000,3000]
        [--samples 200] [--max-length 256] [--output DIR]

A query's weights are the model's table blended with the IDF of the collection that is searched. The rule gives the IDF
the share that the model requires, times N / (N + constant) for N documents. Each FOLDER is a collection in BEIR form.
Its documents are encoded once; from these, corpora of N documents are drawn: up to half of them relevant to a question,
one for each question in turn, the others at random. Token frequencies are those of the sample; questions without a
relevant document in it are left out. Scores are exact, in float32. nDCG@10 is the mean over questions, then over
samples. The tables go to stdout, and with more digits to idf_prior.md and idf_prior.json in the output folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from script import Report, main

from lsr.cli.console import progress_bar
from lsr.core.documents import Query
from lsr.core.errors import InputError
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.encoding.sparse.idf import inverse_document_frequency, term_frequencies
from lsr.eval import Qrels, Ranking, TestCollection, load_collection, score_run
from lsr.eval.reports.markdown import markdown_table
from lsr.vectors.sparse import SparseVectors

SHARES = (0.0, 0.25, 0.5, 0.75)
CONSTANTS = (0, 10, 30, 100, 300, 1000)
NO_PRIOR = "constant 0"
METRIC = "ndcg@10"
K = 10


@dataclass(frozen=True)
class Encoded:
    """A collection with the vectors of its documents, and the set of tokens of each (weights of one)."""

    collection: TestCollection
    documents: SparseVectors
    tokens: SparseVectors


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("collections", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default="lsr-doc-tiny", help="one that wants an IDF (%(default)s)")
    parser.add_argument("--sizes", default="5,10,30,100,300,1000,3000", metavar="N,N,…", help="documents (%(default)s)")
    parser.add_argument("--samples", type=int, default=200, help="of each size (%(default)s)")
    parser.add_argument("--max-length", type=int, default=256, help="tokens of a document (%(default)s)")


def run(arguments: argparse.Namespace, _: Path) -> Iterator[Report]:
    """Measure every collection at every size."""
    encoder = SparseEncoder.load(arguments.model, max_length=arguments.max_length)
    if not encoder.query_idf:
        raise InputError(f"{arguments.model} does not use the collection's IDF: there is nothing to measure")
    rows: list[dict[str, Any]] = []
    for folder in arguments.collections:
        encoded = encode(load_collection(folder), encoder)
        total = len(encoded.documents)
        sizes = [size for size in map(int, arguments.sizes.split(",")) if size < total]
        for size, samples in (*((size, arguments.samples) for size in sizes), (total, 1)):
            rows.append(measure(encoded, encoder, size, samples))
            yield Report(report(rows, encoder, arguments), rows)


def encode(collection: TestCollection, encoder: SparseEncoder) -> Encoded:
    """Read and encode the documents."""
    ids, texts = zip(*((document.id, document.contents) for document in collection.documents()), strict=True)
    with progress_bar(f"encoding {collection.name}", len(texts), "documents") as progress:
        vectors = encoder.encode_documents(texts, ids, progress=progress)
    present = (np.flatnonzero(encoder.token_frequencies([text])) for text in texts)
    tokens = SparseVectors.from_rows([(terms, np.ones(len(terms))) for terms in present], ids, encoder.dim)
    return Encoded(collection, vectors, tokens)


# -- one size -------------------------------------------------------------------------------------------------------


def measure(encoded: Encoded, encoder: SparseEncoder, size: int, samples: int) -> dict[str, Any]:
    """Measure nDCG@10 of each setting in each sample of so many documents."""
    name = encoded.collection.name
    found: dict[str, list[float]] = {setting: [] for setting in settings(encoder.query_idf, size)}
    asked = []
    with progress_bar(f"{name}, {size:,} documents", samples, "samples") as progress:
        for seed in range(samples):
            rows = sample(encoded.documents.ids, encoded.collection.qrels, size, seed)
            documents = encoded.documents.take(rows)
            idf = inverse_document_frequency(term_frequencies([encoded.tokens.take(rows)], encoder.dim), size)
            qrels = judged_within(encoded.collection.qrels, set(documents.ids))
            queries = [query for query in encoded.collection.queries if query.id in qrels]
            asked.append(len(queries))
            for setting, blend in settings(encoder.query_idf, size).items():
                blended = encoder.with_query_idf(idf, blend)
                found[setting].append(ndcg(blended, queries, documents, qrels))
            progress(1)
    return {
        "collection": name,
        "documents": size,
        "samples": samples,
        "questions": float(np.mean(asked)),
        **summary(found),
    }


def summary(found: dict[str, list[float]]) -> dict[str, Any]:
    """Each setting's mean over samples, its gain over constant 0 in the same samples, and the standard error."""
    gains = {setting: np.subtract(values, found[NO_PRIOR]) for setting, values in found.items()}
    errors = {setting: each.std(ddof=1) / len(each) ** 0.5 for setting, each in gains.items() if len(each) > 1}
    return {
        METRIC: {setting: float(np.mean(values)) for setting, values in found.items()},
        "gain": {setting: float(each.mean()) for setting, each in gains.items()},
        "error": {setting: float(error) for setting, error in errors.items()} or None,
    }


def settings(wanted: float, documents: int) -> dict[str, float]:
    """The share of the IDF in each setting, by name: the same for all sizes, and by the rule of each constant."""
    fixed = {f"share {share:g}": share for share in SHARES}
    return fixed | {f"constant {each}": wanted * documents / (documents + each) for each in CONSTANTS}


def sample(ids: list[str], qrels: Qrels, size: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw rows of `size` documents, ascending: up to half of them relevant to some query."""
    random = np.random.default_rng(seed)
    rows = {id: row for row, id in enumerate(ids)}
    relevant = [[rows[id] for id, grade in judged.items() if grade > 0 and id in rows] for judged in qrels.values()]
    shuffled = [random.permutation(relevant[i]).tolist() for i in random.permutation(len(relevant))]
    others = random.permutation(len(ids)).tolist()
    wanted = list(dict.fromkeys(in_turn(shuffled)))[: size // 2]
    chosen = list(dict.fromkeys([*wanted, *others]))[:size]
    return np.sort(np.array(chosen, dtype=np.int64))


def in_turn(lists: list[list[int]]) -> Iterator[int]:
    """Merge lists: the first item of each, then the second of each, and so on."""
    for layer in zip_longest(*lists):
        yield from (each for each in layer if each is not None)


def judged_within(qrels: Qrels, ids: set[str]) -> Qrels:
    """The judgements of these documents, for queries to which one of them is relevant."""
    within = {query: {id: grade for id, grade in judged.items() if id in ids} for query, judged in qrels.items()}
    return {query: judged for query, judged in within.items() if any(grade > 0 for grade in judged.values())}


def ndcg(encoder: SparseEncoder, queries: list[Query], documents: SparseVectors, qrels: Qrels) -> float:
    """nDCG@10 of exhaustive search; documents without a term of the query are not found."""
    vectors = encoder.encode_queries([query.text for query in queries])
    scores = (vectors.to_scipy() @ documents.to_scipy().T).toarray()
    run = {}
    for query, its_scores in zip(queries, scores, strict=True):
        best = np.argsort(-its_scores, kind="stable")[:K]
        best = best[its_scores[best] > 0]
        run[query.id] = Ranking([documents.ids[row] for row in best], its_scores[best])
    return score_run(run, qrels, [METRIC]).means()[METRIC]


# -- tables ---------------------------------------------------------------------------------------------------------


def report(rows: list[dict[str, Any]], encoder: SparseEncoder, arguments: argparse.Namespace) -> str:
    """The report in Markdown."""
    return (
        f"# The IDF of a small collection\n\nnDCG@10 of {Path(encoder.name).name}, max_length {encoder.max_length}, "
        f"which wants a share of {encoder.query_idf:g}; {arguments.samples} samples of each size, and the whole. "
        f"Shares are the same for all sizes; constants give {encoder.query_idf:g} × N / (N + constant).\n\n"
        f"{table(rows)}\n\n"
        "## What a constant gains over none\n\nDifference of nDCG@10 to constant 0 in the same samples, mean over "
        f"collections and sizes ± its standard error over samples.\n\n{differences(rows)}\n"
    )


def table(rows: list[dict[str, Any]]) -> str:
    """A table with a line for each collection and size."""
    names = list(rows[0][METRIC])
    head = ["collection", "documents", "questions", *names]
    lines = [
        [
            row["collection"],
            f"{row['documents']:,}",
            f"{row['questions']:.0f}",
            *(f"{row[METRIC][name]:.4f}" for name in names),
        ]
        for row in rows
    ]
    return markdown_table(head, lines)


def differences(rows: list[dict[str, Any]]) -> str:
    """A table with a line for each drawn size, each collection, all of these, and whole collections."""
    others = [f"constant {each}" for each in CONSTANTS if each]
    drawn = [row for row in rows if row["error"]]
    sizes = sorted({row["documents"] for row in drawn})
    groups = {f"{size:,}": [row for row in drawn if row["documents"] == size] for size in sizes}
    for name in dict.fromkeys(row["collection"] for row in drawn):
        groups[f"{name}, drawn"] = [row for row in drawn if row["collection"] == name]
    groups |= {"all drawn": drawn, "whole collections": [row for row in rows if row not in drawn]}
    lines = [
        [name, f"{len({row['collection'] for row in members})}", *(difference(members, other) for other in others)]
        for name, members in groups.items()
        if members
    ]
    return markdown_table(["documents", "collections", *others], lines)


def difference(rows: list[dict[str, Any]], setting: str) -> str:
    """The difference of a setting to constant 0, with its standard error if there is one."""
    mean = f"{np.mean([row['gain'][setting] for row in rows]):+.4f}"
    errors = [row["error"][setting] for row in rows if row["error"]]
    return f"{mean} ± {sum(each**2 for each in errors) ** 0.5 / len(errors):.4f}" if errors else mean


if __name__ == "__main__":
    sys.exit(main("idf_prior", __doc__, options, run))
