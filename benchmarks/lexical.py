"""BM25 by this engine's kernels beside bm25s and tantivy, on the same words: latency, size, build time, parity.

    python benchmarks/lexical.py FOLDER [--documents N] [--queries N] [--rounds 5] [--k 10] [--work DIR] [--output DIR]

FOLDER is a collection in BEIR form, of which the texts of the first N documents and queries are used; passages.py makes
a large one. All engines get the words of our analyser, k1 = 1.2 and b = 0.75; each is built and searched in a separate
process, on one thread. Searches are single calls on a warm index: all queries once untimed, then `--rounds` times; a
query's time is its best. "From the text" is what a user waits for, words and hits as row numbers included; "the search"
is given the query in the engine's own form. Scores are to be those of bm25s to 1e-5, and so are the hits, but for ties.
The table goes to stdout and, with every number, to lexical.md and lexical.json in the output folder. Needs the extras
`eval` and `bench`; nothing else should run at the same time.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from script import Report, main, measured_apart

from lsr.cli.console import note
from lsr.core.documents import Document
from lsr.core.errors import MissingDependencyError
from lsr.eval.reports.markdown import markdown_table
from lsr.text import open_corpus, open_queries

K1, B = 1.2, 0.75
TOLERANCE = 1e-5
# Our indexes: bits of a weight; and the modes that each is searched in.
BITS = (24, 8)
MODES = ("exact", "approximate")
REFERENCE = "bm25s"
OTHERS = ("bm25s", "tantivy")
# The true hits are known to so many times k, for ties.
TRUTH_DEPTH = 10
TANTIVY_HEAP = 1 << 30
ENVIRONMENT = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "RAYON", "NUMBA")}
# Documents on which kernels are compiled before anything is timed.
COMPILE_DOCUMENTS = 2_000

Rows = list[int]
Answer = tuple[Rows, list[float]]
Words = Callable[[str], list[str]]


class Opened(NamedTuple):
    """An index that can be searched.

    Attributes:
        prepare: makes a query from a text, in the engine's own form.
        search: gives the engine's own answer, of so many hits, to such a query.
        answer: makes rows and scores of that, the best first.
    """

    prepare: Callable[[str], Any]
    search: Callable[[Any, int], Any]
    answer: Callable[[Any], Answer]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--documents", type=int, metavar="N", help="index the first N")
    parser.add_argument("--queries", type=int, metavar="N", help="ask the first N")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--k", type=int, default=10, help="(%(default)s)")


def run(arguments: argparse.Namespace, _: Path) -> Iterator[Report]:
    """Measure each engine in a separate process, and compare their answers."""
    found = {}
    for one in (*(f"lsr {bits}" for bits in BITS), *OTHERS):
        note(f"measuring {one} …")
        found[one] = measured_apart(one, environment=ENVIRONMENT)
    builds = {f"{one} bits" if one.startswith("lsr") else one: each["build"] for one, each in found.items()}
    rows = {name: row for each in found.values() for name, row in each["rows"].items()}
    answers = {name: row.pop("answers") for name, row in rows.items()}
    truth = found[REFERENCE]["truth"]
    for name, row in rows.items():
        row["overlap"] = overlap(answers[name], truth, arguments.k)
    result = {
        "collection": arguments.folder.resolve().name,
        "k": arguments.k,
        "rounds": arguments.rounds,
        "builds": builds,
        "rows": rows,
        "parity": {name: parity(answers[name], truth, arguments.k) for name in answers if name.startswith("lsr exact")},
        **found[REFERENCE]["counts"],
    }
    yield Report(markdown(result), result)


def overlap(answers: Sequence[Answer], truth: Sequence[Answer], k: int) -> float:
    """The mean share of the `k` best hits that were found, or others that tie with the last of them.

    `truth` reaches further than `answers`, so that ties are known.
    """
    shares = []
    for (rows, _), (true_rows, true_scores) in zip(answers, truth, strict=True):
        if wanted := min(k, len(true_rows)):
            least = true_scores[wanted - 1] * (1 - TOLERANCE)
            scores = dict(zip(true_rows, true_scores, strict=True))
            shares.append(sum(scores.get(row, 0.0) >= least for row in rows) / wanted)
    return sum(shares) / len(shares) if shares else 1.0


def parity(answers: Sequence[Answer], truth: Sequence[Answer], k: int) -> dict[str, Any]:
    """How far answers are the `k` best of the truth, which reaches further.

    Returns the number of `queries`; how many of them have other hits, or hits in another order, beyond ties
    (`hits_differ`), and scores that differ by more than TOLERANCE (`scores_differ`); and the `largest` relative
    difference of a score.
    """
    hits = scores = 0
    largest = 0.0
    for (rows, given), (true_rows, true_scores) in zip(answers, truth, strict=True):
        relative = [abs(a - b) / b for a, b in zip(given, true_scores, strict=False)]
        largest = max([largest, *relative])
        complete = len(rows) == min(k, len(true_rows))
        scores += not complete or max(relative, default=0.0) > TOLERANCE
        # A row is where it belongs if its own score is the one that belongs there.
        known = dict(zip(true_rows, true_scores, strict=True))
        right = (abs(known.get(row, 0.0) - b) <= TOLERANCE * b for row, b in zip(rows, true_scores, strict=False))
        hits += not complete or not all(right)
    return {"queries": len(truth), "hits_differ": hits, "scores_differ": scores, "largest": largest}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Build one engine's index and search it, in this process."""
    from lsr.encoding.lexical.analysis import Analyser

    words = Analyser("english").words
    engine, _, bits = arguments.one.partition(" ")
    corpus, k = Corpus(arguments), arguments.k
    with tempfile.TemporaryDirectory(prefix="lsr-benchmark-", dir=arguments.work) as temporary:
        folder = Path(temporary)
        if engine == "lsr":
            return measure_lsr(corpus, folder, int(bits), k, arguments.rounds)
        built, opened = {"bm25s": build_bm25s, "tantivy": build_tantivy}[engine](corpus, folder, words)
        queries = corpus.queries()
        found: dict[str, Any] = {"build": built, "rows": {engine: timed(opened, queries, k, arguments.rounds)}}
        if engine == REFERENCE:
            counts = corpus.counts(words)
            depth = min(TRUTH_DEPTH * k, int(counts["documents"]))
            truth = [opened.answer(opened.search(opened.prepare(text), depth)) for text in queries]
            found |= {"counts": counts, "truth": truth}
        return found


class Corpus:
    """The documents and queries of a collection, as many as asked for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._folder, self._documents, self._queries = arguments.folder, arguments.documents, arguments.queries

    def documents(self, most: int | None = None) -> Iterator[Document]:
        """The documents, or the first of them."""
        return islice(open_corpus(self._folder / "corpus.jsonl"), self._documents if most is None else most)

    def texts(self, most: int | None = None) -> Iterator[str]:
        """Their texts, titles included."""
        return (document.contents for document in self.documents(most))

    def queries(self) -> list[str]:
        """The texts of the queries."""
        return [query.text for query in islice(open_queries(self._folder / "queries.jsonl"), self._queries)]

    def counts(self, words: Words) -> dict[str, float]:
        """How many documents, queries and words there are."""
        lengths = [len(words(text)) for text in self.texts()]
        asked = [len(words(text)) for text in self.queries()]
        return {
            "documents": len(lengths),
            "queries": len(asked),
            "words_a_document": sum(lengths) / len(lengths),
            "words_a_query": sum(asked) / len(asked),
        }


def measure_lsr(corpus: Corpus, folder: Path, bits: int, k: int, rounds: int) -> dict[str, Any]:
    """Our index of words alone, in each mode."""
    from lsr.build.corpus import index_corpus
    from lsr.encoding.lexical.alone import WordsAlone
    from lsr.encoding.lexical.settings import LexicalSettings
    from lsr.index import Index, IndexSettings
    from lsr.search.encoders import IndexEncoders

    def build(documents: Iterable[Document], name: str) -> Index:
        settings, lexical = IndexSettings(weight_bits=bits), LexicalSettings(k1=K1, b=B)
        return index_corpus(documents, folder / name, WordsAlone(), lexical=lexical, settings=settings, threads=1)

    build(corpus.documents(COMPILE_DOCUMENTS), "compiled")
    start = perf_counter()
    index = build(corpus.documents(), "index")
    seconds = perf_counter() - start
    index.sparse.warm_up()
    prepare = IndexEncoders(index, model=None, device=None, light=True, query_idf=None).sparse_query

    def opened(mode: str) -> Opened:
        return Opened(
            prepare,
            lambda query, k: index.search(*query, k, mode=mode),
            lambda hits: (hits.rows.tolist(), hits.scores.tolist()),
        )

    queries, sizes = corpus.queries(), index.describe()["bytes"]
    rows = {f"lsr {mode}, {bits} bits": timed(opened(mode), queries, k, rounds) for mode in MODES}
    # The others keep no texts.
    build_of = {"seconds": seconds, "bytes": sizes["total"] - sizes["documents"], "sizes": sizes}
    return {"build": build_of, "rows": rows}


def build_bm25s(corpus: Corpus, folder: Path, words: Words) -> tuple[dict[str, Any], Opened]:
    """An index of bm25s, searched by its Numba kernels."""
    bm25s = require("bm25s")

    def build(most: int | None) -> Any:
        scorer = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numba")
        scorer.index([words(text) for text in corpus.texts(most)], show_progress=False)
        return scorer

    build(COMPILE_DOCUMENTS)
    start = perf_counter()
    scorer = build(None)
    scorer.save(folder, show_progress=False)
    found = {"seconds": perf_counter() - start, "bytes": size_of(folder)}

    def search(query: list[list[int]], k: int) -> Any:
        # It takes no query without a word that it knows.
        return scorer.retrieve(query, k=k, show_progress=False, n_threads=1) if query[0] else None

    def answer(results: Any) -> Answer:
        if results is None:
            return [], []
        rows, scores = results.documents[0].tolist(), results.scores[0].tolist()
        matching = sum(score > 0 for score in scores)  # a query of few documents gets others too
        return rows[:matching], scores[:matching]

    return found, Opened(lambda text: [scorer.get_tokens_ids(words(text))], search, answer)


def build_tantivy(corpus: Corpus, folder: Path, words: Words) -> tuple[dict[str, Any], Opened]:
    """An index of tantivy of our words, apart by spaces, without their positions; its k1 and b are ours."""
    tantivy = require("tantivy")
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="whitespace", index_option="freq")
    builder.add_unsigned_field("row", stored=True)
    schema = builder.build()
    start = perf_counter()
    index = tantivy.Index(schema, path=str(folder))
    # Room for all, so that there is one segment.
    writer = index.writer(heap_size=TANTIVY_HEAP, num_threads=1)
    for row, text in enumerate(corpus.texts()):
        writer.add_document(tantivy.Document(text=" ".join(words(text)), row=row))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    found = {"seconds": perf_counter() - start, "bytes": size_of(folder), "segments": searcher.num_segments}

    def prepare(text: str) -> Any:
        terms = [tantivy.Query.term_query(schema, "text", word, index_option="freq") for word in words(text)]
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])

    return found, Opened(
        prepare,
        lambda query, k: searcher.search(query, k, count=False).hits,
        lambda hits: ([searcher.doc(place)["row"][0] for _, place in hits], [score for score, _ in hits]),
    )


def require(module: str) -> Any:
    """Import an engine. MissingDependencyError if it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise MissingDependencyError(f"{module} is not installed: pip install 'lsr-engine[eval,bench]'") from None


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(opened: Opened, texts: Sequence[str], k: int, rounds: int) -> dict[str, Any]:
    """The times of searches, from the text to rows and scores and of the search alone, and the answers."""
    from lsr.eval.measures.latency import Latency, one_thread

    asked = [opened.prepare(text) for text in texts]
    whole, search = [float("inf")] * len(texts), [float("inf")] * len(texts)
    answers: list[Answer] = []
    gc.collect()
    gc.disable()
    with one_thread():
        for number in range(rounds + 1):
            answers = []
            for i, text in enumerate(texts):
                start = perf_counter()
                answers.append(opened.answer(opened.search(opened.prepare(text), k)))
                seconds = perf_counter() - start
                if number:  # the first round warms up
                    whole[i] = min(whole[i], seconds)
            for i, query in enumerate(asked):
                start = perf_counter()
                opened.search(query, k)
                seconds = perf_counter() - start
                if number:
                    search[i] = min(search[i], seconds)
    gc.enable()
    found: dict[str, Any] = {}
    for name, best in (("search", search), ("whole", whole)):
        latency = Latency.of(best)
        found |= {f"{name}_{part}_us": getattr(latency, f"{part}_ms") * 1e3 for part in ("mean", "p50", "p95")}
    return {**found, "answers": answers}


def markdown(result: dict[str, Any]) -> str:
    """The report."""
    rows, builds = result["rows"], result["builds"]
    lines = [
        [
            name,
            *(f"{row[f'search_{part}_us']:,.0f}" for part in ("mean", "p50", "p95")),
            *(f"{row[f'whole_{part}_us']:,.0f}" for part in ("mean", "p50", "p95")),
            f"{row['overlap']:.3f}",
        ]
        for name, row in rows.items()
    ]
    head = [
        "engine",
        "search, mean µs",
        "p50",
        "p95",
        "from the text, mean µs",
        "p50",
        "p95",
        f"of bm25s's {result['k']}",
    ]
    built = [[name, f"{each['seconds']:,.1f}", f"{each['bytes'] / 1e6:,.1f}"] for name, each in builds.items()]
    same = result["parity"]
    told = "\n".join(
        f"- {name}: of {each['queries']:,} queries, {each['hits_differ']:,} have other hits than bm25s's beyond ties, "
        f"and {each['scores_differ']:,} have scores that differ by more than {TOLERANCE:g} (the most: "
        f"{each['largest']:.1e})."
        for name, each in same.items()
    )
    return (
        f"# BM25\n\n{result['documents']:,} documents of {result['collection']}, of {result['words_a_document']:.0f} "
        f"words that are no stop words; {result['queries']:,} queries of {result['words_a_query']:.1f}; k = "
        f"{result['k']}, one thread, one query a call; a query's time is the best of {result['rounds']}. The words are "
        f"those of our analyser for all; k1 = {K1}, b = {B}.\n\n{markdown_table(head, lines)}\n\n"
        '"From the text" includes its words, and rows and scores as lists. tantivy rounds the lengths of documents, so '
        f"that its hits differ.\n\n{markdown_table(['built on one thread', 's', 'MB'], built)}\n\nWithout texts, which "
        "only ours stores; its time includes that, and each one's that of reading the corpus and of the analyser.\n\n"
        f"{told}\n\n{markdown_table(['ratio', 'bm25s', 'tantivy'], list(ratios(rows, builds)))}\n"
    )


def ratios(rows: dict[str, Any], builds: dict[str, Any]) -> Iterator[list[str]]:
    """Ours over the others': below 1 is better."""
    for name, row in rows.items():
        if name.startswith("lsr"):
            for field, told in (("search_mean_us", "search"), ("whole_mean_us", "from the text")):
                yield [f"{name}: {told}, mean", *(f"{row[field] / rows[other][field]:.2f}" for other in OTHERS)]
    for name, each in builds.items():
        if name.startswith("lsr"):
            for field, told in (("seconds", "build"), ("bytes", "size")):
                yield [f"{name}: {told}", *(f"{each[field] / builds[other][field]:.2f}" for other in OTHERS)]


if __name__ == "__main__":
    sys.exit(main("lexical", __doc__, options, run, apart=measure))
