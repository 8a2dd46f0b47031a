"""Ways to index long documents, compared on the long documents of BEIR folders.

    python benchmarks/long_documents.py FOLDER... [--model NAME] [--minimum-words 300] [--work DIR] [--output DIR]

Each FOLDER holds corpus.jsonl, queries.jsonl and qrels/*.tsv. The searched documents are the long relevant documents of
the splits' queries, all documents that share a title with one of them (answers to other questions about the same
thing), and others of the folder, drawn at random. Since a sum over windows favours long documents, and so gains merely
from choosing queries with long answers, there are three tasks: those queries; the same with no short document in the
ranking; and all queries whose relevant documents are searched, short or long. The table goes to stdout and, with every
number, to long_documents.md and long_documents.json in the output folder. Times are not reported, so other work may run
at the same time.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from script import Report, main

from lsr.build.corpus import index_corpus, usual
from lsr.cli.console import note, progress_bar
from lsr.core.documents import Document, Query
from lsr.core.errors import InputError
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import Ranking, Run, load_collection
from lsr.eval.measures.metrics import Scores, score_run
from lsr.eval.measures.significance import paired_t_test
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.systems.bm25 import Bm25
from lsr.index import Index
from lsr.index.format.output import change_manifest
from lsr.search.flat import plan_of
from lsr.search.retriever import Retriever
from lsr.text.qrels import Qrels
from lsr.text.windows import WindowSettings

MODEL = "lsr-doc-tiny"
MAX_LENGTH = 256
OVERLAP = 64
METRICS = ("ndcg@10", "mrr@10")
FIRST = "cut at 256 tokens"
DEFAULT = "the same with words: the default"
TASKS = ("long answers", "long answers among long documents", "all answers")
KNOWN = {
    "lsr-doc-tiny": {"medquad": "lsr-doc-tiny was trained on part of medquad's train split, whose topics are others."}
}


@dataclass(frozen=True)
class Task:
    """The documents of one folder, with all queries that they answer and their judgements.

    Attributes:
        long_documents: ids; long_answers: ids of the queries whose relevant documents are all long.
        words: of each document of the folder.
    """

    name: str
    documents: list[Document]
    queries: list[Query]
    qrels: Qrels
    long_documents: set[str]
    long_answers: set[str]
    words: dict[str, int]

    def score(self, run: Run) -> dict[str, Scores]:
        """The scores of a run of whole rankings on each of TASKS."""
        long = {id: judged for id, judged in self.qrels.items() if id in self.long_answers}
        among = {id: only(ranking, self.long_documents) for id, ranking in run.items() if id in long}
        runs = ((run, long), (among, long), (run, self.qrels))
        return {task: score_run(each, qrels, METRICS) for task, (each, qrels) in zip(TASKS, runs, strict=True)}


def only(ranking: Ranking, ids: set[str]) -> Ranking:
    """The ranking of only these documents."""
    kept = [at for at, id in enumerate(ranking.ids) if id in ids]
    return Ranking([ranking.ids[at] for at in kept], ranking.scores[kept])


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default=MODEL, help="%(default)s")
    parser.add_argument("--splits", default="test,dev", help="used in this order, if they exist (%(default)s)")
    parser.add_argument("--minimum-words", type=int, default=300, help="of a long document (%(default)s)")
    parser.add_argument("--queries", type=int, default=300, help="with long answers, at most (%(default)s)")
    parser.add_argument("--documents", type=int, default=4000, help="at most, relevant ones apart (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace, indexes: Path) -> Iterator[Report]:
    """Compare the ways on every folder."""
    tasks = [choose(folder, arguments) for folder in arguments.folders]
    found = [measure(task, arguments.model, indexes) for task in tasks]
    about = [describe(task) for task in tasks]
    record = {
        "model": Path(arguments.model).name,
        "settings": {"max_length": MAX_LENGTH, "window_overlap": OVERLAP, "windows": WindowSettings().to_record()},
        "collections": [{**each, "systems": systems} for each, systems in zip(about, found, strict=True)],
    }
    yield Report(f"# Long documents\n\n{markdown(about, found, arguments)}", record)


def choose(folder: Path, arguments: argparse.Namespace) -> Task:
    """Choose the queries with long relevant documents, and the documents to search."""
    rng = random.Random(arguments.seed)
    splits = [name for name in arguments.splits.split(",") if (folder / "qrels" / f"{name}.tsv").exists()]
    collections = [load_collection(folder, split) for split in splits]
    if not collections:
        raise InputError(f"{folder} has none of the splits {arguments.splits}")
    documents = list(collections[0].documents())
    words = {document.id: len(document.text.split()) for document in documents}
    queries = [query for collection in collections for query in collection.queries]
    qrels = {id: judged for collection in collections for id, judged in collection.qrels.items()}
    long = {id for id, count in words.items() if count >= arguments.minimum_words}
    relevant = {id: {document for document, grade in judged.items() if grade > 0} for id, judged in qrels.items()}
    chosen = [query.id for query in queries if relevant[query.id] and relevant[query.id] <= long]
    chosen = chosen[: arguments.queries]
    if not chosen:
        raise InputError(f"{folder}: no query has relevant documents of {arguments.minimum_words} words or more")
    judged = set().union(*(relevant[id] for id in chosen))
    titles = {document.title for document in documents if document.id in judged} - {""}
    near = [document.id for document in documents if document.title in titles and document.id not in judged]
    far = [document.id for document in documents if document.title not in titles and document.id not in judged]
    rng.shuffle(far)
    kept = judged | set([*near, *far][: arguments.documents])
    answered = [query for query in queries if relevant[query.id] and relevant[query.id] <= kept]
    return Task(
        folder.resolve().name,
        [document for document in documents if document.id in kept],
        answered,
        {query.id: qrels[query.id] for query in answered},
        long & kept,
        set(chosen),
        words,
    )


def measure(task: Task, model: str, indexes: Path) -> list[dict[str, Any]]:
    """Measure each way on a task; the others are tested against the first."""
    systems: list[tuple[str, dict[str, Scores], dict[str, Any]]] = []
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
        space = index.describe()["bytes"]
        vectors = space["forward"] + space["summaries"]
        sizes = {"rows": len(index), "bytes": space["total"], "vector_bytes": vectors}
        systems.append((name, search(task, index, encoder), sizes))
    default = SparseEncoder.load(model)
    index = default_index(task, default, indexes)
    space = index.describe()["bytes"]
    sizes = {"rows": len(index), "bytes": space["total"], "vector_bytes": space["forward"] + space["summaries"]}
    for name, weight in ((f"windows of what fits {default.max_length} tokens", 0.0), (DEFAULT, None)):
        systems.append((name, search(task, index, default, weight), sizes))
    bm25 = Bm25(task.documents)
    run = {query.id: bm25.search(query.text, len(task.documents)) for query in task.queries}
    systems.append(("BM25 of the whole text", task.score(run), {}))
    base = systems[0][1]
    return [
        {
            "system": name,
            "tasks": {
                each: {
                    **scores[each].means(),
                    "p": {m: paired_t_test(scores[each].values[m], base[each].values[m]) for m in METRICS},
                }
                for each in TASKS
            },
            **sizes,
        }
        for name, scores, sizes in systems
    ]


def open_index(task: Task, encoder: SparseEncoder, windows: WindowSettings | None, indexes: Path) -> Index:
    """Open an index, or make it. Windows are encoded once, however their scores are combined."""
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
        record = {**windows.to_record(), "documents": len(index.documents)}
        change_manifest(path, index.manifest.segment, lambda manifest: replace(manifest, windows=record))
        index = Index.open(path)
    return index


def default_index(task: Task, encoder: SparseEncoder, indexes: Path) -> Index:
    """What `lsr index` makes, or made: words beside the model's terms, and windows for what is longer."""
    path = indexes / f"long-{task.name}-{len(task.documents)}-{Path(encoder.name).name}-default"
    if path.exists():
        return Index.open(path)
    return index_corpus(
        task.documents,
        path,
        encoder,
        **usual(encoder),
        total=len(task.documents),
        stages=progress_bar,
    )


def search(task: Task, index: Index, encoder: SparseEncoder, lexical_weight: float | None = None) -> dict[str, Scores]:
    """Search all queries exactly."""
    retriever = Retriever(index)
    retriever.encoder = encoder
    plan = plan_of("exact", lexical_weight=lexical_weight)
    encoded = retriever.encode_queries([query.text for query in task.queries], plan)
    ranked = retriever.rank(encoded, len(task.documents), plan, threads=1)
    run = {query.id: Ranking(hits.ids, hits.scores) for query, hits in zip(task.queries, ranked, strict=True)}
    return task.score(run)


def describe(task: Task) -> dict[str, Any]:
    """The facts about a task."""
    answers = {id for query in task.long_answers for id, grade in task.qrels[query].items() if grade > 0}
    return {
        "name": task.name,
        "documents": len(task.documents),
        "mean_words": float(np.mean([task.words[document.id] for document in task.documents])),
        "long_documents": len(task.long_documents),
        "long_answers": len(task.long_answers),
        "median_words_of_long_answers": float(np.median([task.words[id] for id in answers])),
        "all_answers": len(task.queries),
    }


def markdown(about: list[dict[str, Any]], found: list[list[dict[str, Any]]], arguments: argparse.Namespace) -> str:
    """The table, and a description of the tasks."""
    model, rows = Path(arguments.model).name, []
    for about_one, systems in zip(about, found, strict=True):
        for each in systems:
            size = ["", "", ""]
            if "rows" in each:
                size = [f"{each['rows']:,}", f"{each['vector_bytes'] / 1e6:.2f}", f"{each['bytes'] / 1e6:.1f}"]
            cells = [cell(each["tasks"][task], first=each is systems[0]) for task in TASKS]
            mrr = f"{each['tasks'][TASKS[0]]['mrr@10']:.3f}"
            rows.append([about_one["name"], each["system"], *cells, mrr, *size])
    head = ["collection", "indexed", *(f"nDCG@10, {task}" for task in TASKS), f"MRR@10, {TASKS[0]}"]
    head += ["vectors", "MB of vectors", "index MB"]
    tasks = " ".join(
        f"{each['name']}: {each['documents']:,} documents of {each['mean_words']:.0f} words on average, of which "
        f"{each['long_documents']:,} are long ({arguments.minimum_words} words or more); {each['long_answers']} "
        f"queries of the splits {arguments.splits} whose relevant documents are long (median "
        f"{each['median_words_of_long_answers']:.0f} words), {each['all_answers']} with those whose are not."
        for each in about
    )
    known = " ".join(KNOWN.get(model, {}).get(each["name"], "") for each in about).strip()
    windows = WindowSettings()
    text = (
        f"{model}, max_length {MAX_LENGTH}, exact search. {tasks} {known}\n\n"
        f"One vector of all windows' maxima: `--window-overlap {OVERLAP}`. Windows: `--windows max` and `sum`, of up "
        f"to {windows.words} words, {windows.stride} apart. *: a paired t-test against the first line gives p < 0.01. "
        "MB of vectors: terms and weights with the bounds of their blocks; an index has texts, ids and vocabulary "
        "beside.\n\n"
        "A sum favours documents of several windows, whatever they say. Where the queries were chosen for their long "
        "answers and most others are short, in the first column, that alone is a gain; the other two columns, without "
        "short documents or without that choice, tell what is left of it."
    )
    return f"{markdown_table(head, rows)}\n\n{text}"


def cell(scores: dict[str, Any], *, first: bool) -> str:
    """nDCG@10, marked if it differs significantly from the first line's."""
    mark = "*" if not first and scores["p"]["ndcg@10"] < 0.01 else ""
    return f"{scores['ndcg@10']:.3f}{mark}"


if __name__ == "__main__":
    sys.exit(main("long_documents", __doc__, options, run))
