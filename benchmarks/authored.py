"""What people type when they look for a name, a number or a code: who finds it first.

    python benchmarks/authored.py [--model NAME] [--work DIR] [--output DIR]

benchmarks/authored/ holds some 200 short texts of our own (log lines, code, abstracts, quotations, four languages of
East Asia) and 60 queries of one right document each, by kind. Beside most right documents stand others that differ by
the one thing that was asked for. Every query is asked three times: of the model alone, of an index of words alone, and
of an index as `lsr index` makes it by default. The tables tell how often the right document comes first, and which
queries the default fails. It is a list of what an index should find, not a sample of what people ask: two systems that
differ by a few queries here need not differ elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from script import HERE, Report, main

from lsr.build.corpus import index_corpus
from lsr.encoding.catalogue import DEFAULT_MODEL
from lsr.encoding.lexical.alone import WordsAlone
from lsr.encoding.lexical.settings import LexicalSettings
from lsr.encoding.sparse.encoder import SparseEncoder
from lsr.eval import load_collection
from lsr.eval.reports.markdown import markdown_table
from lsr.search.retriever import Retriever

FOLDER = HERE / "authored"
MODEL, WORDS, BOTH = WAYS = ("model", "words", "both")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, the id of its right document, and what each way to search found.

    Attributes:
        places: of the right document, from 1; None for none of the ten best.
        texts: of the document that came first; None where nothing was found.
    """

    kind: str
    text: str
    right: str
    places: Mapping[str, int | None]
    texts: Mapping[str, str | None]

    def first(self, way: str) -> bool:
        """Whether the right document came first."""
        return self.places[way] == 1


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"the encoder (default: {DEFAULT_MODEL})")


def run(arguments: argparse.Namespace, work: Path) -> Iterator[Report]:
    """Index, ask, count."""
    collection = load_collection(FOLDER)
    encoder = SparseEncoder.load(arguments.model)
    # Always made anew: what is measured is how texts are cut into words today.
    index_corpus(collection.documents(), work / "both", encoder, lexical=LexicalSettings(), force=True)
    index_corpus(collection.documents(), work / "words", WordsAlone(), lexical=LexicalSettings(), force=True)
    both, words = Retriever.open(work / "both"), Retriever.open(work / "words")
    kinds = read_kinds(FOLDER / "queries.jsonl")
    asked = []
    for query in collection.asked():
        [right] = collection.qrels[query.id]
        found = {
            MODEL: both.search(query.text, lexical_weight=0.0).hits,
            WORDS: words.search(query.text).hits,
            BOTH: both.search(query.text).hits,
        }
        places = {way: place([hit.id for hit in hits], right) for way, hits in found.items()}
        texts = {way: hits[0].document.contents if hits else None for way, hits in found.items()}
        asked.append(Asked(kinds[query.id], query.text, right, places, texts))
    yield Report(markdown(asked, Path(arguments.model).name), values(asked))


def read_kinds(path: Path) -> dict[str, str]:
    """The kind of each query, by its id."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {query["_id"]: query["kind"] for query in map(json.loads, lines)}


def place(ids: list[str], right: str) -> int | None:
    """Of the right document among those found, from 1; None if it is none of them."""
    return ids.index(right) + 1 if right in ids else None


def firsts(asked: list[Asked]) -> dict[str, dict[str, int]]:
    """How often the right document came first, by kind and way, with the number of queries; and of all."""
    counted = {}
    for kind in [*dict.fromkeys(each.kind for each in asked), "all"]:
        of_kind = [each for each in asked if kind in (each.kind, "all")]
        counted[kind] = {"queries": len(of_kind)} | {way: sum(each.first(way) for each in of_kind) for way in WAYS}
    return counted


def values(asked: list[Asked]) -> dict[str, object]:
    """All numbers, as JSON values."""
    return {"first": firsts(asked), "queries": [asdict(each) for each in asked]}


def markdown(asked: list[Asked], model: str) -> str:
    """The tables."""
    rows = [[kind, *(str(count) for count in counts.values())] for kind, counts in firsts(asked).items()]
    failed = [
        [
            each.kind,
            f"`{cell(each.text)}`",
            each.right,
            *(told(each.places[way]) for way in WAYS),
            cell(each.texts[BOTH]),
        ]
        for each in asked
        if not each.first(BOTH)
    ]
    failures = markdown_table(["kind", "query", "right", *WAYS, "came first"], failed) if failed else "None."
    missed = [each for each in asked if each.first(BOTH) and not each.first(WORDS)]
    by_words = ", ".join(f"`{cell(each.text)}` ({each.kind})" for each in missed) or "nothing"
    return f"""# Names, numbers and codes

How often the right document comes first, of {len(asked)} queries over short texts of our own, whose near misses stand
beside them (benchmarks/authored). `model` is {model} alone, `words` BM25 alone, `both` the index as it is by default.

{markdown_table(["kind", "queries", *WAYS], rows)}

## What the default does not find first

The place of the right document among the ten best, by each way.

{failures}

What words alone do not find first, and the default does: {by_words}.
"""


def told(place: int | None) -> str:
    return "–" if place is None else str(place)


def cell(text: str | None) -> str:
    """A text in a cell of a table."""
    return "nothing" if text is None else text.replace("|", "\\|").replace("`", "'")


if __name__ == "__main__":
    sys.exit(main("authored", __doc__, options, run))
