"""Ways to index long documents, compared on those of BEIR folders.

    python benchmarks/long_documents.py FOLDER... [--model NAME] [--minimum-words 300] [--indexes DIR] [--output DIR]

Each FOLDER holds corpus.jsonl, queries.jsonl and qrels/*.tsv. Asked are queries of the splits whose relevant documents
are all long. Searched are these, all documents that share a title with one of them (answers to other questions about
the same thing), and others of the folder, drawn at random. The table goes to stdout and, with every number, to
long_documents.md and long_documents.json in the output folder. Times are not reported, so other work may run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lsr.cli.console import note, progress_bar
from lsr.documents import Document, Query
from lsr.encoder import SparseEncoder
from lsr.errors import InputError, LsrError
from lsr.eval import Ranking, load_collection
from lsr.eval.bm25 import Bm25
from lsr.eval.metrics import Scores, paired_t_test, score_run
from lsr.eval.report import markdown_table
from lsr.files import atomic_file
from lsr.index import Index
from lsr.index.parts import change_manifest
from lsr.pipeline import index_corpus
from lsr.retriever import Retriever
from lsr.search_plan import SearchPlan
from lsr.windows import WindowSettings

MODEL = "lsr-doc-tiny"
MAX_LENGTH = 256
OVERLAP = 64
METRICS = ("ndcg@10", "mrr@10")
DEPTH = 100
FIRST = "cut at 256 tokens"
KNOWN = {
    "lsr-doc-tiny": {"medquad": "lsr-doc-tiny was trained on part of medquad's train split, whose topics are others."}
}


@dataclass(frozen=True)
class Task:
    """Documents, queries and judgements of one folder."""

    name: str
    documents: list[Document]
    queries: list[Query]
    qrels: dict[str, dict[str, int]]
    words: dict[str, int]  # of each document

    def longest(self, query: str) -> int:
        """Words of the query's longest relevant document."""
        return max(self.words[id] for id, grade in self.qrels[query].items() if grade > 0)


def main() -> int:
    """Compare on every folder and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default=MODEL, help="%(default)s")
    parser.add_argument("--splits", default="test,dev", help="taken in this order, those that are there (%(default)s)")
    parser.add_argument("--minimum-words", type=int, default=300, help="of a long document (%(default)s)")
    parser.add_argument("--queries", type=int, default=300, help="at most (%(default)s)")
    parser.add_argument("--documents", type=int, default=4000, help="at most, relevant ones apart (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--indexes", type=Path, help="keep them here")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            tasks = [choose(folder, arguments) for folder in arguments.folders]
            found = [measure(task, arguments.model, arguments.indexes or Path(temporary)) for task in tasks]
    except LsrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    about = [describe(task) for task in tasks]
    table = markdown(about, found, arguments)
    print(table)
    record = {
        "model": Path(arguments.model).name,
        "settings": {"max_length": MAX_LENGTH, "window_overlap": OVERLAP, "windows": WindowSettings().to_record()},
        "collections": [{**each, "systems": systems} for each, systems in zip(about, found, strict=True)],
    }
    contents = {".md": f"# Long documents\n\n{table}\n", ".json": json.dumps(record, indent=1) + "\n"}
    for suffix, content in contents.items():
        with atomic_file(arguments.output / f"long_documents{suffix}", force=True) as file:
            file.write_text(content, encoding="utf-8")
    return 0


def choose(folder: Path, arguments: argparse.Namespace) -> Task:
    """The queries with long relevant documents, and what is searched."""
    rng = random.Random(arguments.seed)
    splits = [name for name in arguments.splits.split(",") if (folder / "qrels" / f"{name}.tsv").exists()]
    collections = [load_collection(folder, split) for split in splits]
    if not collections:
        raise InputError(f"{folder} has none of the splits {arguments.splits}")
    documents = list(collections[0].documents())
    words = {document.id: len(document.text.split()) for document in documents}
    queries: list[Query] = []
    qrels: dict[str, dict[str, int]] = {}
    for collection in collections:
        for query in collection.queries:
            relevant = [id for id, grade in collection.qrels[query.id].items() if grade > 0]
            if relevant and all(words.get(id, 0) >= arguments.minimum_words for id in relevant):
                queries.append(query)
                qrels[query.id] = collection.qrels[query.id]
    queries = queries[: arguments.queries]
    if not queries:
        raise InputError(f"{folder}: no query has relevant documents of {arguments.minimum_words} words or more")
    judged = {id for query in queries for id in qrels[query.id]}
    titles = {document.title for document in documents if document.id in judged} - {""}
    near = [document.id for document in documents if document.title in titles and document.id not in judged]
    far = [document.id for document in documents if document.title not in titles and document.id not in judged]
    rng.shuffle(far)
    kept = judged | set([*near, *far][: arguments.documents])
    return Task(
        folder.resolve().name,
        [document for document in documents if document.id in kept],
        queries,
        {query.id: qrels[query.id] for query in queries},
        words,
    )


def measure(task: Task, model: str, indexes: Path) -> list[dict[str, Any]]:
    """What each way reaches on a task; the first is what the others are tested against."""
    systems: list[tuple[str, Scores, dict[str, Any]]] = []
    cut = SparseEncoder.load(model, max_length=MAX_LENGTH)
    merged = SparseEncoder.load(model, max_length=MAX_LENGTH, window_overlap=OVERLAP)
    settings = WindowSettings()
    for name, encoder, windows in (
        (FIRST, cut, None),
        ("one vector of all windows' maxima", merged, None),
        ("windows, max", cut, settings),
        (f"windows, sum of the best {settings.top}", cut, replace(settings, score="sum")),
    ):
        note(f"{task.name}: {name}")
        index = open_index(task, encoder, windows, indexes)
        space = index.space()
        vectors = space["forward"] + space["summary"]
        sizes = {"rows": len(index), "bytes": space["total"], "vector_bytes": vectors}
        systems.append((name, search(task, index, encoder), sizes))
    bm25 = Bm25(task.documents)
    run = {query.id: bm25.search(query.text, DEPTH) for query in task.queries}
    systems.append(("BM25 of the whole text", score_run(run, task.qrels, METRICS), {}))
    base = systems[0][1]
    longer = np.array([task.longest(query) for query in base.query_ids])
    longer_half = longer >= np.median(longer)
    return [
        {
            "system": name,
            **scores.means(),
            "longer_half": {metric: float(scores.values[metric][longer_half].mean()) for metric in METRICS},
            "p_values": {metric: paired_t_test(scores.values[metric], base.values[metric]) for metric in METRICS},
            **sizes,
        }
        for name, scores, sizes in systems
    ]


def open_index(task: Task, encoder: SparseEncoder, windows: WindowSettings | None, indexes: Path) -> Index:
    """Made, or made before. Windows are encoded once, whatever their scores add up to."""
    kind = "windows" if windows else "merged" if encoder.window_overlap else "cut"
    path = indexes / f"long-{task.name}-{len(task.documents)}-{Path(encoder.name).name}-{kind}"
    index = (
        Index.open(path)
        if path.exists()
        else index_corpus(
            task.documents, path, encoder, total=len(task.documents), windows=windows, threads=1, stages=progress_bar
        )
    )
    if windows is not None:
        record = {**windows.to_record(), "documents": index.document_count}
        change_manifest(path, index.manifest.segment, lambda manifest: replace(manifest, windows=record))
        index = Index.open(path)
    return index


def search(task: Task, index: Index, encoder: SparseEncoder) -> Scores:
    """Exact search of all queries."""
    retriever = Retriever(index)
    retriever.encoder = encoder
    plan = SearchPlan.of("exact")
    encoded = retriever.encode_queries([query.text for query in task.queries], plan)
    ranked = retriever.rank(encoded, DEPTH, plan, threads=1)
    run = {query.id: Ranking(hits.ids, hits.scores) for query, hits in zip(task.queries, ranked, strict=True)}
    return score_run(run, task.qrels, METRICS)


def describe(task: Task) -> dict[str, Any]:
    """The facts about a task."""
    longest = [task.longest(query.id) for query in task.queries]
    return {
        "name": task.name,
        "documents": len(task.documents),
        "mean_words": float(np.mean([task.words[document.id] for document in task.documents])),
        "queries": len(task.queries),
        "median_words_of_the_relevant": float(np.median(longest)),
    }


def markdown(about: list[dict[str, Any]], found: list[list[dict[str, Any]]], arguments: argparse.Namespace) -> str:
    """The table, and what was compared on."""
    model, rows = Path(arguments.model).name, []
    for task, systems in zip(about, found, strict=True):
        for each in systems:
            p = each["p_values"]["ndcg@10"]
            size = ["", "", ""]
            if "rows" in each:
                size = [f"{each['rows']:,}", f"{each['vector_bytes'] / 1e6:.2f}", f"{each['bytes'] / 1e6:.1f}"]
            rows.append(
                [
                    task["name"],
                    each["system"],
                    f"{each['ndcg@10']:.3f}",
                    f"{each['mrr@10']:.3f}",
                    "" if each is systems[0] else f"{p:.3f}" if p >= 0.0005 else "<0.001",
                    f"{each['longer_half']['ndcg@10']:.3f}",
                    *size,
                ]
            )
    head = ["collection", "indexed", "nDCG@10", "MRR@10", "p", "nDCG@10, longer half", "vectors"]
    head += ["MB of vectors", "index MB"]
    tasks = " ".join(
        f"{task['name']}: {task['documents']:,} documents of {task['mean_words']:.0f} words on average; "
        f"{task['queries']} queries of the splits {arguments.splits} whose relevant documents have at least "
        f"{arguments.minimum_words} words (median {task['median_words_of_the_relevant']:.0f})."
        for task in about
    )
    known = " ".join(KNOWN.get(model, {}).get(task["name"], "") for task in about).strip()
    windows = WindowSettings()
    return (
        f"{markdown_table(head, rows)}\n\n"
        f"{model}, max_length {MAX_LENGTH}, exact search. {tasks} {known}\n\n"
        f"One vector of all windows' maxima: `--window-overlap {OVERLAP}`. Windows: `--windows max` and `sum`, of up "
        f"to {windows.words} words, {windows.stride} apart. p: of a paired t-test of nDCG@10 against the first line. "
        "Longer half: the queries whose relevant document has at least the median of words. MB of vectors: terms "
        "and weights with the bounds of their blocks; an index has texts, ids and vocabulary beside.\n"
    ).replace(". \n", ".\n")


if __name__ == "__main__":
    sys.exit(main())
