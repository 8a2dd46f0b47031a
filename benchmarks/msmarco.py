"""Evaluates a made collection in MS MARCO's own files, up to its size: seconds of each stage, and peak memory.

    python benchmarks/msmarco.py [--documents 100000] [--queries 1000] [--model bm25] [--candidates 10]
        [--reranker lsr-doc-tiny] [--work DIR] [--output DIR]

Makes collection.tsv, queries.dev.small.tsv and qrels.dev.small.tsv in the work folder, from a seed: passages of about
56 words, drawn by Zipf's law from made words, and queries of about six of the rarer words of the one passage that
answers each. Then it does what `lsr eval collection.tsv --queries … --qrels …` does, in a process of its own: reads,
indexes with the model (`bm25` for words alone), searches all queries to depth 1,000, scores by both opinions, and
times. The run's candidates are then written as MS MARCO's top1000.dev is, in the order of their passages, and put in
the order of another model as `lsr rerank top1000.dev --qrels …` does it, in a process of its own, too. Values of
measures are of made texts, and say only that what is to be found is found. MS MARCO itself has 8,841,823 passages:
--documents 8841823 --queries 6980. With --work, what was made is made once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from script import Report, main, measured_apart, resident

from lsr.cli.console import note, progress_bar
from lsr.core.files import atomic_file, atomic_folder
from lsr.core.progress import Progress, Stages
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.runs import Run

PASSAGES, QUERIES, QRELS = "collection.tsv", "queries.dev.small.tsv", "qrels.dev.small.tsv"
CANDIDATES = "top1000.dev"
WORDS = 200_000
PASSAGE_WORDS, SPREAD = 56, 0.45
QUERY_WORDS = (3, 9)
CHUNK = 10_000
METRICS = ("mrr@10", "recall@1000")
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwz", "aeiou"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--model", default="bm25", help="bm25 for words alone, or a model of `lsr models`")
    parser.add_argument("--candidates", type=int, default=10, help="candidates of a query that are re-ranked")
    parser.add_argument("--reranker", default="lsr-doc-tiny", help="the model that re-ranks them")
    parser.add_argument("--seed", type=int, default=0)


def make_collection(folder: Path, documents: int, queries: int, seed: int) -> None:
    """Write the three files into a folder that appears whole or not at all."""
    random = np.random.default_rng(seed)
    words = np.array([_word(number) for number in range(WORDS)])
    # Cumulative shares by rank, to draw from by bisection.
    shares = np.cumsum(1 / np.arange(1, WORDS + 1) ** 1.05)
    asked = set(random.choice(documents, min(queries, documents), replace=False).tolist())
    with (
        atomic_folder(folder) as made,
        progress_bar("making passages", documents, "passages") as progress,
        (made / PASSAGES).open("w", encoding="utf-8") as passages,
        (made / QUERIES).open("w", encoding="utf-8") as texts,
        (made / QRELS).open("w", encoding="utf-8") as judgements,
    ):
        query = 0
        for start in range(0, documents, CHUNK):
            count = min(CHUNK, documents - start)
            lengths = np.maximum(5, PASSAGE_WORDS * random.lognormal(-(SPREAD**2) / 2, SPREAD, count)).astype(int)
            drawn = np.searchsorted(shares, random.random(lengths.sum()) * shares[-1])
            for id, ranks in enumerate(np.split(drawn, np.cumsum(lengths)[:-1]), start):
                passages.write(f"{id}\t{' '.join(words[ranks])}\n")
                if id in asked:
                    rarest = np.unique(ranks)[::-1][: 2 * QUERY_WORDS[1]]
                    size = min(len(rarest), int(random.integers(*QUERY_WORDS, endpoint=True)))
                    texts.write(f"{query}\t{' '.join(words[random.choice(rarest, size, replace=False)])}\n")
                    judgements.write(f"{query}\t0\t{id}\t1\n")
                    query += 1
            progress(count)


def _word(number: int) -> str:
    """A made word: no two numbers have the same, and no stemmer takes a part of it for an ending."""
    letters = []
    for _ in range(4):
        number, consonant = divmod(number, len(_CONSONANTS))
        number, vowel = divmod(number, len(_VOWELS))
        letters.append(_CONSONANTS[consonant] + _VOWELS[vowel])
    return "".join(letters) + "k"


def write_candidates(folder: Path, run: Run, most: int, seed: int) -> int:
    """Write the first candidates of each query, as MS MARCO writes them; returns how many there are.

    A line is query id, passage id, query, passage. Lines go by passages, and those of a passage in no order.
    """
    queries = dict(line.rstrip("\n").split("\t") for line in (folder / QUERIES).open(encoding="utf-8"))
    wanted: dict[str, list[str]] = {}
    for query, ranking in run.items():
        for id in ranking.ids[:most]:
            wanted.setdefault(id, []).append(query)
    shuffle = Random(seed).shuffle
    with (
        atomic_file(folder / CANDIDATES, force=True) as made,
        made.open("w", encoding="utf-8") as lines,
        (folder / PASSAGES).open(encoding="utf-8") as passages,
    ):
        for line in passages:
            id, passage = line.rstrip("\n").split("\t")
            asked = wanted.get(id, [])
            shuffle(asked)
            lines.writelines(f"{query}\t{id}\t{queries[query]}\t{passage}\n" for query in asked)
    return sum(map(len, wanted.values()))


def measure_here(arguments: argparse.Namespace) -> dict[str, Any]:
    """One of the two, in this process: evaluating the folder, or re-ranking its candidates."""
    path = Path(arguments.one)
    return rerank_here(arguments, path) if path.name == CANDIDATES else evaluate_here(arguments)


def rerank_here(arguments: argparse.Namespace, path: Path) -> dict[str, Any]:
    """What `lsr rerank` does with a file of candidates, with its seconds, and the memory of this process."""
    from lsr.eval import read_qrels
    from lsr.eval.candidates import read_candidates, rerank
    from lsr.eval.measures.second_opinion import checked_scores
    from lsr.training.teachers import load_encoder
    from lsr.training.teachers.bi_encoder import BiEncoderTeacher

    started = time.perf_counter()
    model = BiEncoderTeacher(load_encoder(arguments.reranker))
    loaded = time.perf_counter()
    with progress_bar("scoring", None, "candidates") as progress:
        made = rerank(read_candidates(path), model.score, progress=progress)
    scored = time.perf_counter()
    means = checked_scores(made, read_qrels(path.with_name(QRELS)), ["mrr@10"]).means()
    return {
        "seconds": {"re-ranking: loading": loaded - started, "re-ranking: reading, encoding, scoring": scored - loaded},
        "rerank_peak_bytes": resident("VmHWM"),
        "reranked": means,
    }


def evaluate_here(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `lsr eval` does, with the seconds of each stage, and the memory of this process."""
    from lsr.build.encoders import load_encoder
    from lsr.encoding.lexical.settings import LexicalSettings
    from lsr.eval import EvaluationSettings, evaluate, load_collection, open_or_index

    folder = Path(arguments.one)
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    collection = load_collection(str(folder / PASSAGES), queries=folder / QUERIES, qrels=folder / QRELS)
    seconds["reading queries and judgements"] = time.perf_counter() - started
    stages = timed(seconds)
    encoder = load_encoder(arguments.model)
    index = folder.parent / f"index-{arguments.model.replace('/', '-')}"
    retriever = open_or_index(collection, index, encoder, lexical=LexicalSettings(), force=True, stages=stages)
    evaluation = evaluate(collection, retriever, EvaluationSettings(metrics=METRICS, bm25=False), stages=stages)
    report, whole = evaluation.report, time.perf_counter() - started
    written = write_candidates(folder, evaluation.runs["lsr"], arguments.candidates, arguments.seed)
    seconds["the rest: loading, scoring, ids"] = whole - sum(seconds.values())
    assert report.latency is not None and report.index is not None
    return {
        "seconds": seconds,
        "total_seconds": whole,
        "peak_bytes": resident("VmHWM"),
        "index_bytes": report.index["bytes"],
        "p50_ms": report.latency["total"].p50_ms,
        "metrics": report.metrics,
        "candidates": written,
    }


def timed(seconds: dict[str, float]) -> Stages:
    """Stages that show their progress, and whose seconds are kept by their description."""

    @contextmanager
    def stage(description: str, total: int | None, unit: str) -> Iterator[Progress]:
        began = time.perf_counter()
        with progress_bar(description, total, unit) as progress:
            yield progress
        seconds[description] = seconds.get(description, 0.0) + time.perf_counter() - began

    return stage


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Make the collection unless it is there, and evaluate it."""
    folder = work / f"msmarco-{arguments.documents}-{arguments.queries}-{arguments.seed}"
    began = time.perf_counter()
    if not folder.exists():
        make_collection(folder, arguments.documents, arguments.queries, arguments.seed)
        note(f"made in {time.perf_counter() - began:,.0f} s: {folder}")
    size = (folder / PASSAGES).stat().st_size
    found = measured_apart(str(folder))
    again = measured_apart(str(folder / CANDIDATES))
    found = {**found, **again, "seconds": found["seconds"] | again["seconds"]}
    found["total_seconds"] += sum(again["seconds"].values())
    yield Report(markdown(arguments, size, found), {"collection_bytes": size, **found})


def markdown(arguments: argparse.Namespace, size: int, found: dict[str, Any]) -> str:
    """The stages, and what else is to be said."""
    rows = [[stage, f"{seconds:,.1f}"] for stage, seconds in found["seconds"].items()]
    rows.append(["in all", f"{found['total_seconds']:,.1f}"])
    measures = ", ".join(f"{name} {value:.4f}" for name, value in found["metrics"].items())
    return (
        f"# A collection in MS MARCO's files\n\n{arguments.documents:,} made passages ({size / 1e6:,.0f} MB), "
        f"{arguments.queries:,} queries, model {arguments.model}.\n\n{markdown_table(['stage', 'seconds'], rows)}\n\n"
        f"Peak memory {found['peak_bytes'] / (1 << 30):.2f} GiB, index {found['index_bytes'] / 1e6:,.0f} MB, a query "
        f"{found['p50_ms']:.2f} ms (p50, one thread). Re-ranking {found['candidates']:,} candidates by "
        f"{arguments.reranker} takes {found['rerank_peak_bytes'] / (1 << 30):.2f} GiB. Of made texts: {measures}; "
        f"re-ranked, mrr@10 {found['reranked']['mrr@10']:.4f}."
    )


if __name__ == "__main__":
    sys.exit(main("msmarco", __doc__, options, run, apart=measure_here))
