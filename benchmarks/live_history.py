"""No answer depends on history: a collection written in one go beside one that has lived, over every judged query.

    python benchmarks/live_history.py FOLDER... [--model NAME] [--dense NAME] [--operations N] [--restarts N] [--seed N]
        [--work DIR] [--output DIR]

Each FOLDER is a collection in BEIR's form. Two collections end with the same documents. One was given them in one go.
To the other, documents came by chance, were replaced by other texts and by their own again, and were deleted, some for
good, while small memories became segments, segments were merged, and the writer was closed and opened again; then it
was given what was missing. It is searched as it is then, with deletions in its segments and documents in its memory,
and again as one segment. Ids and scores of the hundred best have to be equal to the bit in exact and in hybrid search,
whose queries each collection encodes by its own counts. Exit code 1 if anything differs.

The step of stored weights and the mean length are fixed when a collection is made, the same for all. Every text is
encoded once, whatever it is written as: with `--work`, for later runs as well.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from script import Report, main

from lsr.cli.console import note
from lsr.collection.creating import dense_record, settings_of_model
from lsr.collection.encoding import DocumentEncoder
from lsr.core.chunks import chunks
from lsr.core.options import build
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.lexical.analysis import ANALYSIS
from lsr.encoding.lexical.settings import LexicalRecord, LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import Ranking, TestCollection, load_collection, score_run
from lsr.eval.reports.markdown import markdown_table
from lsr.index import Index
from lsr.index.collection.create import create_collection
from lsr.index.collection.policy import LivePolicy
from lsr.index.collection.writer import CollectionWriter
from lsr.index.live.writes import Delete, Put
from lsr.search.flat import plan_of
from lsr.search.retriever import RankedIds, Retriever
from lsr.text.windows import WindowSettings, split_window_id, window_id

METRIC = "ndcg@10"
DEPTH = 100
PLANS = {
    "exact": plan_of("exact"),
    "hybrid": plan_of("hybrid", sparse_mode="exact", dense_mode="exact"),
}
# Without bounds: what is written in one go stays together until it is asked for.
_IN_ONE_GO = LivePolicy(memory_documents=10**9, memory_bytes=10**12)
_MEAN_LENGTH = 100.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="%(default)s")
    parser.add_argument("--dense", default="minilm", help="%(default)s")
    parser.add_argument("--operations", type=int, default=10_000, metavar="N", help="by chance (10,000)")
    parser.add_argument("--restarts", type=int, default=20, metavar="N", help="of the writer meanwhile (20)")
    parser.add_argument("--memory", type=int, default=200, metavar="N", help="rows that become a segment (200)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Compare on one folder after another."""
    models = Models(arguments.model, arguments.dense)
    found: list[dict[str, Any]] = []
    for folder in arguments.folders:
        collection = load_collection(folder)
        found.append(compare(collection, models, arguments, work))
        yield Report(markdown(found), found, sound=not any(each["differences"] for each in found))


@dataclass(frozen=True)
class Models:
    """The models of a collection, loaded once, and what it is made with."""

    sparse: str
    dense: str

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What `create_collection` is told."""
        words = LexicalRecord(settings=LexicalSettings(), mean_length=_MEAN_LENGTH, analysis=ANALYSIS)
        made = settings_of_model(self.sparse, words=words, weight_scale=None, device=None)
        return {**made, "dense": dense_record(self.dense, None)}

    @cached_property
    def encoder(self) -> DocumentEncoder:
        """Of documents, as a collection of these settings encodes them."""
        return DocumentEncoder(
            self.settings["encoder"],
            tokens=self.settings["tokens"],
            dense=self.settings["dense"],
            windows=build(WindowSettings, self.settings["windows"]),
            load=lambda: self._sparse,
            load_dense=lambda: self._dense,
        )

    @cached_property
    def _sparse(self) -> SparseEncoder:
        return SparseEncoder.load(self.sparse)

    @cached_property
    def _dense(self) -> DenseEncoder:
        return DenseEncoder.load(self.dense)

    def writer(self, path: Path, policy: LivePolicy) -> CollectionWriter:
        """Opens a collection, which is made first if there is none."""
        if not path.exists():
            create_collection(path, **self.settings)
        return CollectionWriter(path, tokens_of=self.encoder.tokens_of, policy=policy)


def compare(collection: TestCollection, models: Models, arguments: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Write both collections, and search them."""
    texts = encoded(collection, models, work)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        return compare_written(collection, models, texts, arguments, Path(folder))


def compare_written(
    collection: TestCollection,
    models: Models,
    texts: dict[str, list[Put]],
    arguments: argparse.Namespace,
    folder: Path,
) -> dict[str, Any]:
    """The same of texts that are encoded, in an empty folder."""
    paths = {name: folder / name.replace(" ", "-") for name in ("in one go", "lived")}
    note(f"{collection.name}: {arguments.operations:,} operations")
    life = Life(models, paths["lived"], texts, arguments)
    life.live()
    with models.writer(paths["in one go"], _IN_ONE_GO) as writer:
        writer.apply([put for id in texts for put in written(texts, id, id)])
        writer.flush()
    note(f"{collection.name}: {len(collection.queries):,} queries")
    answers = {name: Answers(Index.open(path), collection) for name, path in paths.items()}
    record = {"name": collection.name, "operations": dict(life.counts), "lived": form(answers["lived"].index)}
    with models.writer(paths["lived"], _IN_ONE_GO) as writer:
        writer.compact()
    answers["lived, compacted"] = Answers(Index.open(paths["lived"]), collection)
    expected = answers["in one go"]
    pairs = [differences(expected, other) for name, other in answers.items() if other is not expected]
    return {
        **record,
        "documents": len(expected.index.documents),
        "queries": len(collection.queries),
        "compared": sum(compared for compared, _ in pairs),
        "differences": sum(differing for _, differing in pairs),
        METRIC: {name: each.measured() for name, each in answers.items()},
    }


def encoded(collection: TestCollection, models: Models, work: Path) -> dict[str, list[Put]]:
    """The rows of each document, by id; kept in `work`."""
    kept = work / f"{collection.name}-{Path(models.sparse).name}-{Path(models.dense).name}.pickle"
    if kept.exists():
        with kept.open("rb") as file:
            found: dict[str, list[Put]] = pickle.load(file)
        return found
    texts: dict[str, list[Put]] = {}
    for batch in chunks(collection.documents(), 256, 1 << 22, lambda document: len(document.text)):
        puts, refused = models.encoder.encode(batch)
        assert not refused, refused[0]
        for id, rows in groupby(puts, models.encoder.document_of):
            texts[id] = list(rows)
        note(f"{collection.name}: {len(texts):,} documents encoded")
    with kept.open("wb") as file:
        pickle.dump(texts, file)
    return texts


def written(texts: dict[str, list[Put]], id: str, text: str) -> list[Put]:
    """New writes of the document of an id, with the text of another or its own."""
    return [
        replace(row, document=replace(row.document, id=window_id(id, split_window_id(row.id)[1])))
        for row in texts[text]
    ]


class Life:
    """A collection that documents come to and go from by chance, until it holds those that it is to hold.

    Attributes:
        counts: of what was done.
    """

    def __init__(self, models: Models, path: Path, texts: dict[str, list[Put]], arguments: argparse.Namespace) -> None:
        self._models, self._path, self._texts = models, path, texts
        self._random = np.random.default_rng(arguments.seed)
        self._operations, self._restarts = arguments.operations, arguments.restarts
        self._policy = LivePolicy(memory_documents=arguments.memory, together=3)
        self._holds: dict[str, str] = {}  # id of a document → id of the text that it has
        self.counts: Counter[str] = Counter()

    def live(self) -> None:
        """Do all of it."""
        ids = list(self._texts)
        # One in ten is never there in the end.
        names = [*ids, *(f"other-{number}" for number in range(len(ids) // 10 + 1))]
        self._writer = self._models.writer(self._path, self._policy)
        restart = max(1, self._operations // (self._restarts + 1))
        for step in range(1, self._operations + 1):
            id = str(self._random.choice(names))
            if self._random.random() < 0.3:
                self._delete(id)
            else:
                self._put(
                    id, id if id in self._texts and self._random.random() < 0.5 else str(self._random.choice(ids))
                )
            if step % restart == 0 and self.counts["restarts"] < self._restarts:
                self._restart()
            if step % (restart * 2) == restart // 2:
                self._writer.flush()
                self.counts["flushes asked for"] += 1
            if step == self._operations // 2:
                self._writer.compact()
                self.counts["merges of all"] += 1
        self._settle()
        self._writer.close()

    def _settle(self) -> None:
        """Write what is missing, and delete what is not to be there."""
        wrong = [id for id in (self._holds.keys() | self._texts.keys()) if self._holds.get(id) != id]
        wrong.sort()
        self._random.shuffle(wrong)
        for id in wrong:
            if id in self._texts:
                self._put(id, id)
            else:
                self._delete(id)
        self.counts["to end alike"] = len(wrong)

    def _put(self, id: str, text: str) -> None:
        applied = self._writer.apply(written(self._texts, id, text), wait=False)
        self.counts["adds"] += applied.added
        self.counts["replacements"] += applied.replaced
        self._holds[id] = text

    def _delete(self, id: str) -> None:
        applied = self._writer.apply([Delete(id)], wait=False)
        self.counts["deletions"] += applied.deleted
        self.counts["deletions of nothing"] += len(applied.missing)
        self._holds.pop(id, None)

    def _restart(self) -> None:
        self._writer.close()
        self._writer = self._models.writer(self._path, self._policy)
        self.counts["restarts"] += 1


def form(index: Index) -> dict[str, int]:
    """What a collection that has lived consists of."""
    rows = sum(len(segment) for segment in index.segments)
    return {
        "segments": len(index.segments),
        "rows in memory": len(index) - rows,
        "rows deleted": len(index) - index.documents.rows,
    }


class Answers:
    """What a collection answers to all queries of a test collection."""

    def __init__(self, index: Index, collection: TestCollection) -> None:
        self.index = index
        self._collection = collection
        queries = collection.asked()
        self._ids = [query.id for query in queries]
        retriever = Retriever(index)
        encoded = retriever.encode_queries([query.text for query in queries], PLANS["hybrid"])
        self.ranked: dict[str, list[RankedIds]] = {
            name: retriever.rank(encoded, DEPTH, plan, threads=1) for name, plan in PLANS.items()
        }

    def measured(self) -> dict[str, float]:
        """nDCG@10 by mode."""
        found = {}
        for mode, rankings in self.ranked.items():
            run = {id: Ranking(each.ids, each.scores) for id, each in zip(self._ids, rankings, strict=True)}
            found[mode] = score_run(run, self._collection.qrels, [METRIC]).means()[METRIC]
        return found


def differences(first: Answers, other: Answers) -> tuple[int, int]:
    """How many rankings were compared, and how many of them, of nDCG's and of stored documents, differ."""
    pairs = [pair for mode in PLANS for pair in zip(first.ranked[mode], other.ranked[mode], strict=True)]
    found = sum(not same(*pair) for pair in pairs)
    stored = [{each.id: each for each in answers.index.documents.scan()} for answers in (first, other)]
    found += sum(stored[0].get(id) != stored[1].get(id) for id in stored[0].keys() | stored[1].keys())
    measured, others = first.measured(), other.measured()
    return len(pairs), found + sum(measured[mode] != others[mode] for mode in PLANS)


def same(first: RankedIds, other: RankedIds) -> bool:
    """Whether ids and scores are equal to the bit."""
    return list(first.ids) == list(other.ids) and first.scores.tobytes() == other.scores.tobytes()


def markdown(found: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            each["name"],
            f"{each['documents']:,}",
            f"{sum(each['operations'][name] for name in ('adds', 'replacements', 'deletions')):,}",
            str(each["operations"]["restarts"]),
            str(each["lived"]["segments"]),
            f"{each['queries']:,}",
            f"{each['compared']:,}",
            str(each["differences"]),
            *(repr(each[METRIC][name][mode]) for mode in PLANS for name in ("in one go", "lived")),
        ]
        for each in found
    ]
    head = ["", "documents", "writes", "restarts", "segments", "queries", "rankings compared", "differences"]
    head += [f"nDCG@10, {mode}, {name}" for mode in PLANS for name in ("in one go", "lived")]
    return f"# No answer depends on history\n\n{markdown_table(head, rows)}\n"


if __name__ == "__main__":
    sys.exit(main("live_history", __doc__, options, run))
