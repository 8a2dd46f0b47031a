"""Relevance of calibrated scores: calibration error, abstention on questions of other collections, recall kept.

    python benchmarks/relevance.py FOLDER... [--dense NAME] [--off-topic 500] [--work DIR] [--output DIR]

Each FOLDER holds corpus.jsonl, queries.jsonl and qrels/test.tsv; there are two or more, since the off-topic questions
of one are judged queries of the others. Ways to calibrate are compared: what is learned from judgements is learned on
one half of the queries and tried on the other, both ways round. Indexes are kept in `--work` and reused. The tables go
to stdout and, with every number, to relevance.md, relevance.json and the diagram relevance.svg in the output folder.

brier and ece are of the ten first hits of judged queries, an unjudged hit counting as not relevant. An off-topic
question is abstained from if none of its hits has the least relevance; recall kept is the mean, over queries that find
something relevant, of the share of it that is still found.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from script import Report, main

from lsr.core.errors import InputError
from lsr.core.plotting import COLOURS, figure
from lsr.encoding.dense.encoder import DenseEncoder
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.eval import TestCollection, load_collection, open_or_index
from lsr.eval.measures.calibration import Bin, brier_score, calibration_error, reliability
from lsr.eval.reports.markdown import markdown_table
from lsr.eval.tuning.logistic import Fitted, fit_logistic
from lsr.eval.tuning.random_queries import random_queries
from lsr.eval.tuning.relevance import Hits, by_judgements, by_random, first_hits, labels_of
from lsr.search.flat import plan_of
from lsr.search.plan import SearchPlan
from lsr.search.relevance import features_of

Values = npt.NDArray[np.float64]
Says = Callable[[Hits], Values]

LEAST = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
RANDOM = 500
CHOSEN, UNJUDGED = "chosen", "without judgements"


@dataclass(frozen=True)
class Searched:
    """The first hits of one mode of one collection, of judged, off-topic and random queries."""

    collection: str
    mode: str
    names: tuple[str, ...]
    judged: list[Hits]
    labels: list[Values]
    off_topic: list[Hits]
    noise: list[Hits]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--dense", default="minilm", help="%(default)s")
    parser.add_argument("--off-topic", type=int, default=500, help="questions (%(default)s)")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Measure every way of calibrating on every mode of every folder, with indexes in `work`."""
    collections = [load_collection(folder) for folder in arguments.folders]
    if len(collections) < 2:
        raise InputError("off-topic questions are those of other collections: give two folders or more")
    found: list[Searched] = []
    for collection in collections:
        print(f"{collection.name} …", file=sys.stderr)
        found += search(collection, collections, arguments, work)
    rows, bins = [], {}
    for one in found:
        others = [each for each in found if each.mode == one.mode and each.collection != one.collection]
        for way, said, off in ways(one, others[0]):
            rows.append({"collection": one.collection, "mode": one.mode, "way": way, **values(one, said, off)})
            if way == CHOSEN:
                bins[one.collection, one.mode] = reliability(np.concatenate(said), np.concatenate(one.labels))
    draw(bins, [each.name for each in collections], arguments.output / "relevance.svg")
    yield Report(report(rows), rows)


def search(
    collection: TestCollection, collections: Sequence[TestCollection], arguments: argparse.Namespace, work: Path
) -> Iterator[Searched]:
    """The hits of every mode."""
    others = [each for each in collections if each is not collection]
    strangers = [query.text for each in others for query in each.asked()]
    random.Random(0).shuffle(strangers)
    strangers, asked = strangers[: arguments.off_topic], collection.asked()
    words = open_or_index(collection, work / f"{collection.name}-bm25", WordsAlone())
    dense = DenseEncoder.load(arguments.dense, max_length=256)
    model = open_or_index(collection, work / collection.name, lexical=LexicalSettings(), dense=dense)
    modes: list[tuple[str, Any, SearchPlan]] = [
        ("words", words, plan_of("auto")),
        ("sparse", model, plan_of("auto", lexical_weight=0.0)),
        ("sparse + words", model, plan_of("auto")),
        ("dense", model, plan_of("dense")),
        ("hybrid", model, plan_of("hybrid")),
    ]
    for mode, retriever, plan in modes:
        noise = random_queries(retriever.index, RANDOM)
        hits = first_hits(retriever, [*(query.text for query in asked), *strangers, *noise], plan)
        judged, rest = hits[: len(asked)], hits[len(asked) :]
        labels = [labels_of(each, collection.qrels[query.id]) for each, query in zip(judged, asked, strict=True)]
        names = features_of(plan)
        yield Searched(collection.name, mode, names, judged, labels, rest[: len(strangers)], rest[len(strangers) :])


def ways(one: Searched, other: Searched) -> Iterator[tuple[str, list[Values], list[Values]]]:
    """Each way to calibrate: its name, and the relevance of the hits of judged and of off-topic queries."""
    for share, name in ((0.1, CHOSEN), (0.0, "no random words"), (0.5, "random words weigh half")):
        yield (name, *halves(one, lambda hits, labels, noise, s=share: logistic(one, hits, labels, noise, s)))
    yield ("score alone, logistic", *halves(one, platt))
    yield ("score alone, isotonic", *halves(one, isotonic))
    said = logistic(other, other.judged, other.labels, other.noise, 0.1)
    yield ("judgements of another collection", *whole(one, said))
    yield (UNJUDGED, *whole(one, of(by_random(one.noise, one.names), one.names)))


def halves(one: Searched, learn: Callable[..., Says]) -> tuple[list[Values], list[Values]]:
    """Relevances by what is learned on the other half of the queries; off-topic ones take turns."""
    half = np.random.default_rng(0).permutation(len(one.judged)) % 2
    said = [np.empty(0)] * len(one.judged)
    off = [np.empty(0)] * len(one.off_topic)
    for held in (0, 1):
        places = [place for place in range(len(half)) if half[place] != held]
        says = learn([one.judged[p] for p in places], [one.labels[p] for p in places], one.noise)
        for place in np.flatnonzero(half == held):
            said[place] = says(one.judged[place])
        off[held::2] = [says(each) for each in one.off_topic[held::2]]
    return said, off


def whole(one: Searched, says: Says) -> tuple[list[Values], list[Values]]:
    return [says(each) for each in one.judged], [says(each) for each in one.off_topic]


def of(fitted: Fitted, names: Sequence[str]) -> Says:
    def says(hits: Hits) -> Values:
        table = np.column_stack([hits.features[name] for name in names])
        return np.minimum.accumulate(sigmoid(fitted.intercept + table @ np.array(fitted.weights)))

    return says


def sigmoid(sums: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-np.clip(sums, -700, 700))))


def logistic(one: Searched, hits: list[Hits], labels: list[Values], noise: list[Hits], share: float) -> Says:
    return of(by_judgements(hits, labels, noise, one.names, share=share), one.names)


def platt(hits: list[Hits], labels: list[Values], _: list[Hits]) -> Says:
    scores, relevant = np.concatenate([each.scores for each in hits]), np.concatenate(labels)
    fitted = fit_logistic(scores[:, None], relevant, np.ones(len(scores)), rising=[True])
    return lambda each: sigmoid(fitted.intercept + fitted.weights[0] * each.scores)


def isotonic(hits: list[Hits], labels: list[Values], _: list[Hits]) -> Says:
    scores, relevant = np.concatenate([each.scores for each in hits]), np.concatenate(labels)
    order = np.argsort(scores, kind="stable")
    steps = isotonic_regression(relevant[order]).x
    return lambda each: np.interp(each.scores, scores[order], steps)


def values(one: Searched, said: list[Values], off: list[Values]) -> dict[str, Any]:
    relevance, relevant = np.concatenate(said), np.concatenate(one.labels)
    pairs = list(zip(said, one.labels, strict=True))
    found = [labels.sum() for labels in one.labels]

    def kept(least: float) -> float:
        """Mean over queries with relevant hits, of which recall@10 is not zero."""
        shares = [each[1][each[0] >= least].sum() / all for each, all in zip(pairs, found, strict=True) if all]
        return float(np.mean(shares))

    highest = np.sort(relevance[relevant > 0])
    at_recall = {}
    for share in (0.95, 0.9, 0.8):
        least = highest[int((1 - share) * len(highest))]
        at_recall[f"{share:g}"] = float(np.mean([not (each >= least).any() for each in off]))
    return {
        "brier": brier_score(relevance, relevant),
        "ece": calibration_error(relevance, relevant),
        "abstains": {f"{least:g}": float(np.mean([not (each >= least).any() for each in off])) for least in LEAST},
        "kept": {f"{least:g}": kept(least) for least in LEAST},
        "abstains_at_recall": at_recall,
    }


def report(rows: list[dict[str, Any]]) -> str:
    head = ["", "", "brier", "ece", *(f"{least:g}" for least in LEAST)]
    tables = []
    for way, title in ((CHOSEN, "With judgements"), (UNJUDGED, "Without judgements")):
        lines = [
            [
                each["collection"],
                each["mode"],
                f"{each['brier']:.3f}",
                f"{each['ece']:.3f}",
                *(f"{each['abstains'][f'{t:g}']:.0%} / {each['kept'][f'{t:g}']:.0%}" for t in LEAST),
            ]
            for each in rows
            if each["way"] == way
        ]
        tables.append(f"## {title}\n\n{markdown_table(head, lines)}")
    means = []
    for way in dict.fromkeys(each["way"] for each in rows):
        of_way = [each for each in rows if each["way"] == way]
        shares = [np.mean([each["abstains_at_recall"][share] for each in of_way]) for share in ("0.95", "0.9", "0.8")]
        brier, ece = (np.mean([each[name] for each in of_way]) for name in ("brier", "ece"))
        means.append([way, f"{brier:.4f}", f"{ece:.3f}", *(f"{share:.0%}" for share in shares)])
    compared = markdown_table(["", "brier", "ece", "95% kept", "90% kept", "80% kept"], means)
    return f"""# Relevance of calibrated scores

By least relevance: the share of the off-topic questions that find nothing / what is left of recall@10.

{chr(10).join(tables)}

## Ways to calibrate

Means of all collections and modes: Brier score, calibration error, and the share of the off-topic questions that find
nothing where so many of the relevant hits are kept.

{compared}
"""


def draw(bins: dict[tuple[str, str], list[Bin]], names: Sequence[str], path: Path) -> None:
    """The reliability diagram of each collection."""
    with figure([path], columns=len(names)) as panels:
        for panel, name in zip(panels, names, strict=True):
            panel.plot([0, 1], [0, 1], "--", color="0.6")
            for number, (mode, found) in enumerate((m, b) for (c, m), b in bins.items() if c == name):
                shown = [each for each in found if each.documents >= 10]
                panel.plot(
                    [each.said for each in shown],
                    [each.is_relevant for each in shown],
                    "o-",
                    color=COLOURS[number],
                    label=mode,
                )
            panel.set(xlabel="relevance", ylabel="share that is relevant", xlim=(0, 1), ylim=(0, 1), title=name)
            panel.grid(alpha=0.25)
        panels[0].legend(frameon=False)


if __name__ == "__main__":
    sys.exit(main("relevance", __doc__, options, run))
