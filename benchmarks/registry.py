"""The benchmarks: what each measures, on what data, how long it takes, where its numbers are shown, how noisy they are.

A benchmark is one entry of `BENCHMARKS`. run.py runs them, data.py finds what they need, comparison.py compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """Numbers of a result that are compared with those of an earlier result.

    Attributes:
        pattern: matches their names, such as "rows/table-light/mean_us", as in `fnmatch`.
        noise: the relative difference that is not significant, if a result was not measured often enough to tell.
        better: "lower" or "higher"; None for neither, though a difference is worth reporting.
        machine: whether it depends on the machine, as times do.
    """

    pattern: str
    noise: float
    better: str | None = "lower"
    machine: bool = True


def time(pattern: str, noise: float = 0.1) -> Measure:
    """Seconds, milliseconds, microseconds."""
    return Measure(pattern, noise)


def rate(pattern: str, noise: float = 0.1) -> Measure:
    """A rate per second."""
    return Measure(pattern, noise, "higher")


def memory(pattern: str, noise: float = 0.1) -> Measure:
    """Memory of a process."""
    return Measure(pattern, noise)


def size(pattern: str, noise: float = 0.001) -> Measure:
    """Bytes on disk."""
    return Measure(pattern, noise, machine=False)


def quality(pattern: str, noise: float = 0.001) -> Measure:
    """Effectiveness: the same on every machine, up to rounding."""
    return Measure(pattern, noise, "higher", machine=False)


def fact(pattern: str, noise: float = 0.001) -> Measure:
    """Numbers that should not change without a reason, and are neither good nor bad: terms, work."""
    return Measure(pattern, noise, None, machine=False)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark.

    Attributes:
        about: what it measures, in a line.
        script: the file in benchmarks/, without .py.
        data: what it is given, in order: names of `data.KINDS`, some followed by a colon and a name.
        options: for the numbers of README and docs/numbers.
        quick: the options of a short run on samples of the data; None if there is none.
        minutes: what the whole takes on two cores, roughly; benchmarks of more than 15 only run if named.
        quick_minutes: what the short run takes.
        page: where its numbers are shown: a page of docs/numbers, or another file.
        results: names of its results, if they differ from its own.
        keys: fields that identify the items of lists in its values.
        measures: what is compared; the first that matches a number counts.
    """

    about: str
    script: str
    data: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = None
    minutes: float = 5
    quick_minutes: float = 1
    page: str = ""
    results: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()

    @property
    def slow(self) -> bool:
        """Whether it is only run if named."""
        return self.minutes > 15


BENCHMARKS: Mapping[str, Benchmark] = {
    "effectiveness": Benchmark(
        "effectiveness of the packaged models beside BM25, with latency and size",
        "effectiveness",
        data=("collections",),
        quick=("--model", "lsr-doc-tiny"),
        minutes=15,
        quick_minutes=2,
        page="effectiveness.md",
        keys=("collection.name", "label"),
        measures=(
            quality("*/metrics/*"),
            time("*/latency/*/p50_ms", 0.15),
            size("*/index/bytes"),
            fact("*/index/flops", 0.005),
            fact("*/active_terms/*", 0.005),
        ),
    ),
    "hybrid": Benchmark(
        "effectiveness of dense search, of fusions and of feedback",
        "hybrid",
        data=("collections",),
        minutes=15,
        page="hybrid.md",
        keys=("name",),
        measures=(quality("*", 0.002),),
    ),
    "relevance": Benchmark(
        "relevance of calibrated scores: calibration error, abstention on questions of other collections, recall kept",
        "relevance",
        data=("collections",),
        minutes=15,
        page="../guide/searching.md",
        keys=("collection", "mode", "way"),
        measures=(quality("*/abstains/*", 0.01), quality("*/kept/*", 0.01), fact("*/ece", 0.05), fact("*/brier", 0.01)),
    ),
    "hybrid_latency": Benchmark(
        "latency and memory of hybrid search beside both its sides",
        "hybrid_latency",
        data=("vectors",),
        minutes=15,
        page="hybrid.md",
        measures=(time("ways/*/p50_us"), Measure("ways/*/of_parts", 0.05), memory("ways/*_mb", 0.05)),
    ),
    "engines": Benchmark(
        "search beside Seismic, BMP and term-at-a-time search: latency, recall, size, build time",
        "engines",
        data=("vectors",),
        options=("--queries", "800", "--rounds", "2", "--configurations", "full"),
        quick=("--queries", "300", "--rounds", "3", "--configurations", "quick"),
        minutes=60,
        quick_minutes=2,
        page="latency.md",
        keys=("engine", "mode", "parameters", "k"),
        measures=(
            time("fastest/*"),
            time("rows/lsr exact k */mean_us"),
            time("rows/lsr exact k */p50_us"),
            quality("rows/lsr exact k */recall"),
            size("rows/lsr exact k 10/index_bytes"),
            time("rows/lsr exact k 10/build_s", 0.25),
            time("overhead/*/after_search_us", 0.2),
        ),
    ),
    "lexical": Benchmark(
        "BM25 beside bm25s and tantivy, on the same words: latency, parity, size, build time",
        "lexical",
        data=("collection",),
        quick=("--documents", "5000", "--queries", "100", "--rounds", "2"),
        minutes=15,
        page="../../benchmarks/results/lexical.md",
        measures=(
            time("rows/lsr*/*_us"),
            quality("rows/lsr*/overlap"),
            size("builds/lsr*/bytes"),
            time("builds/lsr*/seconds", 0.25),
            fact("parity/*24*/*_differ"),
        ),
    ),
    "titles": Benchmark(
        "titles that count more than texts: effectiveness by weight, and what it costs in the index or at query time",
        "titles",
        data=("collections",),
        quick=("--weight", "0", "0.25"),
        minutes=10,
        page="../guide/indexing.md",
        keys=("collection", "system", "weight", "way"),
        measures=(quality("effects/*/ndcg@10"), size("costs/*/bytes"), time("costs/*/mean_us")),
    ),
    "authored": Benchmark(
        "names, numbers, codes and phrases as people type them, by kind: model, words and both",
        "authored",
        quick=(),
        minutes=1,
        page="../../benchmarks/results/authored.md",
        measures=(quality("first/*/model"), quality("first/*/words"), quality("first/*/both")),
    ),
    "live_peers": Benchmark(
        "writing to a collection beside other engines: rates, searches meanwhile, space, what a kill leaves",
        "live_peers",
        data=("vectors",),
        options=("--documents", "10000"),
        quick=("--documents", "2000", "--kills", "1", "--engine", "lsr", "--engine", "lsr-bm25"),
        minutes=15,
        page="writing.md",
        measures=(
            rate("rows/lsr*/added", 0.25),
            rate("rows/lsr*/replaced", 0.25),
            rate("rows/lsr*/deleted", 0.25),
            time("rows/lsr*/first_ms", 0.25),
            time("rows/lsr*/after_ms", 0.25),
            size("rows/lsr*/bytes", 0.02),
            Measure("rows/lsr*/kills/*/missing", 0.0, machine=False),
            Measure("rows/lsr*/kills/*/back", 0.0, machine=False),
        ),
    ),
    "filters": Benchmark(
        "exact search with a filter, from one document in two allowed to one in 100,000",
        "filters",
        data=("vectors",),
        quick=("--queries", "200"),
        minutes=3,
        page="latency.md",
        keys=("one_in",),
        measures=(time("*/mean_us"), time("*/p50_us"), fact("*/hits"), fact("*/documents_scored"), fact("*/direct")),
    ),
    "field_filters": Benchmark(
        "exact search with filters on fields, and the time of making their bitmaps",
        "field_filters",
        data=("vectors",),
        quick=("--queries", "50"),
        minutes=5,
        page="../guide/filtering.md",
        keys=("filter", "one_in"),
        measures=(
            time("*/made_us", 0.2),
            time("*/kept_us", 0.3),
            time("*/mean_us"),
            time("*/p50_us"),
            size("bytes", 0.01),
        ),
    ),
    "query_encoding": Benchmark(
        "encoding of a query, with and without torch",
        "query_encoding",
        data=("collection",),
        quick=("--queries", "100", "--rounds", "3"),
        minutes=2,
        page="latency.md",
        measures=(time("rows/*/mean_us"), time("rows/*/p50_us"), fact("rows/*/terms")),
    ),
    "cold_start": Benchmark(
        "from the start of a process to its first answer",
        "cold_start",
        options=("--runs", "5"),
        quick=("--runs", "3"),
        minutes=2,
        quick_minutes=1.5,
        page="latency.md",
        measures=(time("rows/*/seconds"), time("rows/*/processor_seconds"), memory("rows/*/peak_mb", 0.05)),
    ),
    "slow_connections": Benchmark(
        "what a good client of a server notices of 1,600 bad ones",
        "slow_connections",
        quick=("--seconds", "5"),
        minutes=2,
        quick_minutes=1,
        page="../../benchmarks/results/slow_connections.md",
        measures=(time("servers/*/p50_ms", 0.25), fact("servers/*/failures"), memory("servers/*/peak_mb", 0.1)),
    ),
    "page": Benchmark(
        "from the last key of a question to its first hit on the screen, in a browser",
        "page",
        quick=("--runs", "5"),
        minutes=5,
        quick_minutes=1,
        page="../../benchmarks/results/page.md",
        measures=(time("rows/*/p50_ms", 0.25), time("rows/*/p95_ms", 0.5)),
    ),
    "load": Benchmark(
        "searches over HTTP under load, beside another engine behind a thin route: requests a second, latencies",
        "load",
        data=("vectors",),
        options=("--seconds", "20"),
        quick=("--seconds", "3", "--connections", "1", "64", "--queries", "300"),
        minutes=10,
        quick_minutes=3,
        page="../http.md",
        measures=(
            rate("rows/*/per_second", 0.15),
            time("rows/*/p50_ms", 0.15),
            time("rows/*/p95_ms", 0.25),
            time("rows/*/p99_ms", 0.4),
            fact("rows/*/errors"),
        ),
    ),
    "scale": Benchmark(
        "latency, size, build time and memory up to 8.8 million documents",
        "scale",
        data=("like",),
        options=("--peer", "seismic"),
        minutes=300,
        page="scale.md",
        results=("scale", "scale_largest"),
        keys=("documents", "engine", "mode", "parameters", "settings"),
        measures=(
            time("sizes/*/rows/lsr exact/mean_us"),
            quality("sizes/*/rows/lsr exact/recall"),
            time("sizes/*/builds/lsr*/seconds", 0.25),
            memory("sizes/*/builds/lsr*/peak_bytes"),
            size("sizes/*/builds/lsr*/bytes/*"),
        ),
    ),
    "encoding": Benchmark(
        "documents a second and memory of encoding, beside sentence-transformers",
        "encoding",
        data=("collection",),
        quick=("--documents", "300", "--systems", "lsr", "lsr-float32"),
        minutes=5,
        page="encoding.md",
        measures=(
            rate("systems/*/documents_per_second"),
            memory("systems/*/peak_mb", 0.3),
            fact("systems/*/terms_per_document", 0.005),
        ),
    ),
    "pruning": Benchmark(
        "how far an index can be pruned for 1 % of nDCG@10",
        "pruning",
        data=("collections",),
        minutes=30,
        page="pruning.md",
        keys=("collection", "model", "rule", "value"),
        measures=(quality("*/ndcg"), size("*/bytes"), fact("*/postings")),
    ),
    "long_documents": Benchmark(
        "long documents by windows, cut, or merged",
        "long_documents",
        data=("training:medquad",),
        minutes=30,
        page="long-documents.md",
        keys=("name", "system"),
        measures=(quality("*/tasks/*/ndcg@10"), quality("*/tasks/*/mrr@10"), size("*/vector_bytes")),
    ),
    "idf_prior": Benchmark(
        "how far to trust the IDF of a small collection",
        "idf_prior",
        data=("collections",),
        minutes=30,
        page="effectiveness.md",
        keys=("collection", "documents"),
        measures=(quality("*/ndcg@10/*"),),
    ),
    "live_history": Benchmark(
        "whether answers depend on how documents came: one go beside 10,000 writes by chance",
        "live_history",
        data=("collections",),
        quick=("--operations", "1000", "--restarts", "5"),
        minutes=30,
        quick_minutes=5,
        page="../reliability.md",
        keys=("name",),
        measures=(Measure("*/differences", 0.0, machine=False), fact("*/compared"), quality("*/ndcg@10/*")),
    ),
    "training_step": Benchmark(
        "a step of training beside the plain formula: time, memory, gradients",
        "training_step",
        quick=("--steps", "5"),
        minutes=2,
        page="training.md",
        measures=(
            time("ways/*/seconds"),
            memory("ways/*/peak_bytes"),
            Measure("ways/*/gradient_difference", 1.0, machine=False),
        ),
    ),
    "training_teachers": Benchmark(
        "trainings that differ in their teachers",
        "training_compared",
        data=("variants:teachers", "training_sets", "for_collections"),
        minutes=120,
        page="training.md",
        keys=("name",),
        measures=(quality("*/ndcg@10/*", 0.01), fact("*/document_terms/*", 0.02)),
    ),
    "training_penalties": Benchmark(
        "trainings that differ in their penalties, of three strengths each",
        "training_compared",
        data=("variants:penalties", "training_sets", "for_collections"),
        minutes=120,
        page="training.md",
        keys=("name",),
        measures=(quality("*/ndcg@10/*", 0.01), fact("*/document_terms/*", 0.02)),
    ),
    "decoder": Benchmark(
        "a decoder turned into a sparse encoder: before and after a short training",
        "decoder",
        data=("training:medquad",),
        minutes=20,
        page="training.md",
        keys=("way",),
        measures=(quality("*/ndcg@10", 0.05), time("*/seconds_a_step"), memory("*/memory")),
    ),
    "adapted": Benchmark(
        "the gain of `lsr adapt`",
        "adapted",
        data=("collections",),
        minutes=30,
        page="training.md",
        keys=("name",),
        measures=(quality("*/ndcg@10/*", 0.01), time("*/minutes", 0.2), fact("*/document_terms/*", 0.02)),
    ),
    "msmarco": Benchmark(
        "`lsr eval` and re-ranking on a made collection in MS MARCO's own files: seconds of each stage, peak memory",
        "msmarco",
        quick=("--documents", "5000", "--queries", "100"),
        minutes=10,
        page="../../benchmarks/results/msmarco.md",
        measures=(
            time("seconds/*", 0.25),
            time("p50_ms", 0.25),
            memory("*peak_bytes"),
            size("index_bytes", 0.005),
            quality("metrics/*"),
            quality("reranked/*"),
        ),
    ),
    "exports": Benchmark(
        "exports to other engines, read back: the same vectors, and the top ten in common",
        "exports",
        data=("collection",),
        quick=("--queries", "30", "--target", "opensearch", "--target", "vespa"),
        minutes=10,
        page="../guide/exporting.md",
        measures=(
            quality("rows/*/overlap"),
            quality("rows/*/first"),
            time("rows/*/seconds", 0.25),
            size("rows/*/bytes", 0.02),
        ),
    ),
    "shards": Benchmark(
        "collections of shards beside one index: the same answers, building on workers of Ray, serving by Ray",
        "shards",
        data=("collections",),
        quick=("--queries", "30", "--workers", "2", "--seconds", "2"),
        minutes=8,
        quick_minutes=5,
        page="../scaling.md",
        measures=(
            quality("same/*/ways/*/same"),
            quality("same/*/ways/*/overlap"),
            time("built/*/seconds", 0.25),
            memory("built/*/driver_peak_mb", 0.2),
            rate("served/*/*/per_second", 0.25),
            time("served/*/*/p*_ms", 0.4),
        ),
    ),
    "shard_tails": Benchmark(
        "tail latency over many shards, and what hedging takes off it: measured shards, simulated together",
        "shard_tails",
        data=("like",),
        quick=("--shards", "10", "--documents", "2000", "--measured", "20", "--rounds", "5"),
        minutes=20,
        quick_minutes=2,
        page="../scaling.md",
        measures=(
            time("tables/*/*/*/p*_ms", 0.3),
            time("shard_ms/*", 0.3),
            time("hop_ms/*", 0.3),
            fact("tables/*/*/*/more_requests", 0.1),
        ),
    ),
    "trec_eval_agreement": Benchmark(
        "our measures beside the outputs that trec_eval publishes",
        "trec_eval_agreement",
        data=("trec_eval",),
        quick=(),
        minutes=1,
        page="../../benchmarks/results/trec_eval_agreement.md",
        keys=("expected", "arguments", "measure"),
        measures=(Measure("*/agreeing", 0.0, "higher", machine=False),),
    ),
}

TOOLS: Mapping[str, str] = {
    "mteb_agreement": "compares MTEB's own evaluation of our search with ours",
    "capacity_constants": "takes what `lsr plan` reckons by from results, and measures nothing",
    "made_vectors": "makes collections of sparse vectors, as large as desired",
    "vector_statistics": "measures what makes a collection of sparse vectors easy or hard to search",
    "killed": "kills every command that writes before each of its file-system calls, and gives it again",
    "live_kills": "kills a process that writes to a collection, and looks for what it had acknowledged",
    "live_faults": "lets every call fail by which a collection changes files, and looks at what is left",
    "live_full_disk": "writes to a collection until its disk is full, and looks for what it had acknowledged",
    "service_memory": "asks a server of a collection for long, and looks whether its memory grows",
    "service_kills": "kills and stops a server of collections under load, and looks for what it had acknowledged",
    "service_fuzz": "sends a server requests by chance, made of its OpenAPI document, and looks for answers off it",
    "live": "measures writes to a collection, and searches of one in many segments, with deletions and beside writes",
    "passages": "makes a corpus of English passages from Debian's documentation packages",
    "redraw": "draws the plots of committed results again",
    "words_beside": "compares an index that holds words beside a model's terms with the same without: size and latency",
    "words_recall": "compares what approximate search misses with words and without, by its defaults and tuned",
    "shipped_data": "makes the training data of the models that come with lsr",
}
