"""Fills in the tables of README, docs/numbers and some other pages from the files that the benchmarks wrote.

    python docs/tools/tables.py           write them
    python docs/tools/tables.py --check   say which are out of date, and exit with 1 if any is

A table stands between `<!-- table: NAME -->` and `<!-- /table -->`; `TABLES` says how it is made.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
COLLECTIONS = ("scifact", "nfcorpus", "cranfield", "cisi")

_BLOCK = re.compile(r"<!-- table: ([\w-]+) -->\n.*?<!-- /table -->", re.DOTALL)

Row = dict[str, str]


def pages() -> list[Path]:
    """The files that may hold tables."""
    beside = [ROOT / "README.md", ROOT / "docs" / "guide" / "exporting.md", ROOT / "docs" / "scaling.md"]
    return [*beside, *sorted((ROOT / "docs" / "numbers").glob("*.md"))]


def filled(text: str) -> str:
    """A page with its tables as the results have them."""
    return _BLOCK.sub(lambda match: f"<!-- table: {match[1]} -->\n{TABLES[match[1]]()}\n<!-- /table -->", text)


def table(name: str, number: int) -> list[Row]:
    """A table of `benchmarks/results/NAME.md`, counted from 1: a row is column → cell. The first column may be ""."""
    lines = ["", *(RESULTS / f"{name}.md").read_text(encoding="utf-8").splitlines()]
    starts = [n for n, line in enumerate(lines) if line.startswith("|") and not lines[n - 1].startswith("|")]
    start = starts[number - 1]
    header = _cells(lines[start])
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(header, _cells(line), strict=True)))
    return rows


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns other than the first are aligned to the right."""
    rule = "|".join("---" if number == 0 else "--:" for number in range(len(header)))
    lines = [f"| {' | '.join(header)} |", f"|{rule}|", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(re.sub(r"\| +(?=\|)", "| ", line) for line in lines)


def chosen(name: str, number: int, columns: dict[str, str], rows: dict[str, str] | None = None) -> str:
    """Some columns of a table of the results, renamed, and some rows, by their first cell."""
    found = table(name, number)
    if rows is not None:
        by_name = {next(iter(row.values())): row for row in found}
        found = [{**by_name[old], next(iter(by_name[old])): new} for old, new in rows.items()]
    return markdown(list(columns.values()), [[row[column] for column in columns] for row in found])


def readme() -> str:
    """nDCG@10 of the packaged models and of hybrid search, next to BM25."""
    quality = {(row["system"], row["collection"]): row["nDCG@10"] for row in table("effectiveness", 2)}
    times = {row["system"]: row["both"] for row in table("effectiveness", 3) if row["collection"] == "scifact"}
    times["BM25"] = next(row["BM25"] for row in table("effectiveness", 3) if row["collection"] == "scifact")
    systems = {
        "BM25": "BM25",
        "lsr-doc-tiny": "`lsr-doc-tiny` alone",
        "lsr-doc-small": "`lsr-doc-small` alone",
        "lsr-doc-tiny + words": "`lsr-doc-tiny` with words: the default",
        "lsr-doc-small + words": "`lsr-doc-small` with words",
        "lsr-doc-tiny + words + minilm": "the default fused with MiniLM",
    }
    rows = []
    for system, title in systems.items():
        values = [quality[system, collection] for collection in COLLECTIONS]
        rows.append([title, *values, times[system]])
    return markdown(["nDCG@10", *COLLECTIONS, "ms a query (scifact)"], rows)


def effectiveness() -> str:
    """All measures of each model on each collection, with the size of vectors and the time of a query."""
    costs = {(row["collection"], row["system"]): row for row in table("effectiveness", 3)}
    rows = []
    for row in table("effectiveness", 2):
        name, system = row["collection"], row["system"]
        cost = costs.get((name, system), {"terms a document": "", "both": costs[name, "lsr-doc-tiny"]["BM25"]})
        measures = [row[measure] for measure in ("nDCG@10", "MRR@10", "R@100", "R@1000", "MAP")]
        rows.append([name, system, *measures, cost["terms a document"], cost["both"]])
    header = ["collection", "system", "nDCG@10", "MRR@10", "R@100", "R@1000", "MAP", "terms a document", "ms a query"]
    return markdown(header, rows)


def hybrid() -> str:
    """nDCG@10 of each side and of their fusions, from two tables."""
    shown = {
        "BM25": "BM25",
        "sparse": "lsr-doc-tiny alone",
        "dense": "MiniLM alone",
        "rrf": "fused by rank (rrf)",
        "min_max": "fused by min-max",
        "z_score": "fused by z-score",
        "tmm (default)": "fused by theoretical min-max (the default)",
        "sparse-first": "sparse-first",
    }
    by_name = {row[""]: row for row in table("hybrid", 1)}
    columns = [*COLLECTIONS, "mean"]
    rows = [[title, *(by_name[name][column] for column in columns)] for name, title in shown.items()]
    best = next(
        row
        for row in table("hybrid", 2)
        if (row["method"], row["query"], row["interpolated"]) == ("rm3", "hybrid", "after")
    )
    rows.append(["and with feedback (RM3, both queries, fused after it)", *(best[column] for column in columns)])
    return markdown(["nDCG@10", *columns], rows)


_PEERS = {
    "seismic": "pyseismic-lsr",
    "kannolo": "kannolo",
    "sindi": "SINDI (pyvsag)",
    "pisa": "PISA",
    "qdrant": "Qdrant's segment",
    "zvec": "zvec",
}


def engines() -> str:
    """Fastest of each engine at a recall of the ten best, with size and build time of its index."""
    speed = table("engines", 2)
    indexes = _indexes()

    def mean(system: str, wanted: str) -> str:
        return next((row["mean"] for row in speed if (row["system"], row["wanted"]) == (system, wanted)), "")

    def index(system: str, settings: str = "") -> list[str]:
        """Size and build time: of one index, or from the first to the last of several."""
        found = [each for each in indexes if each["system"] == system and settings in each["settings"]]
        return [
            " to ".join(dict.fromkeys(sorted((each[name] for each in found), key=_number)[:: len(found) - 1 or 1]))
            for name in ("size", "build")
        ]

    recalls = ("≥ 0.90", "≥ 0.95", "≥ 0.98", "≥ 0.99")
    bmp_exact = mean("bmp exact", "≥ 0.90")
    taat = mean("taat exhaustive", "≥ 0.90")
    # Ours of default settings, without those for published algorithms.
    (ours, *_) = (each for each in indexes if each["system"] == "lsr")
    own = [ours["size"], ours["build"]]
    rows = [
        ["lsr", *(mean("lsr approximate", each) for each in recalls), mean("lsr exact", "≥ 0.90"), *own],
        *(
            [
                title,
                *(mean(f"{name} approximate", each) for each in recalls),
                mean(f"{name} exact", "≥ 0.90"),
                *index(name),
            ]
            for name, title in _PEERS.items()
            if any(each["system"] == name for each in indexes)
        ),
        ["bmp", bmp_exact, mean("bmp exact", "≥ 0.95"), "", "", bmp_exact, *index("bmp", "block_size 8")],
        ["term at a time in plain Numba", "", "", "", "", taat, *index("taat")],
    ]
    return markdown(["µs a query, k = 10", *(f"recall {each}" for each in recalls), "exact", "index", "build"], rows)


def _number(words: str) -> float:
    """The number that words begin with."""
    return float(words.split()[0].replace(",", ""))


def _indexes() -> list[Row]:
    """The last table of the engines' report: what each index weighs and how long its build took."""
    text = (RESULTS / "engines.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| ([\w.]+) \| (.*?) ?\| ([\d.,]+ MB) \| ([\d.,]+ s) \|", text, re.MULTILINE)
    return [
        {"system": system, "settings": settings.strip(), "size": size, "build": build}
        for system, _, settings, size, build in rows
    ]


def scale() -> str:
    """Latency over the size of the collection, with the index and its build."""
    fast: dict[tuple[str, str], str] = {}
    indexes: dict[str, Row] = {}
    for name in ("scale", "scale_largest"):
        fast = {(row[""], row["documents"]): row["mean µs"] for row in table(name, 1)} | fast
        indexes = {row["documents"]: row for row in table(name, 2) if row[""] == "lsr"} | indexes
    recalls = ("recall ≥ 0.95", "recall ≥ 0.98")
    kinds = (*(f"{system}, {recall}" for recall in recalls for system in ("lsr", "seismic")), "lsr, exact")
    rows = [
        [size, *(fast.get((kind, size), "") for kind in kinds), row["MB"], row["build s"], row["peak memory GiB"]]
        for size, row in sorted(indexes.items(), key=lambda item: int(item[0].replace(",", "")))
    ]
    header = ["documents", *(kind.replace(", ", ", µs, ") for kind in kinds), "index MB", "build s", "peak memory GiB"]
    return markdown(header, rows)


def hybrid_latency() -> str:
    columns = {
        "": "",
        "p50 µs": "p50 µs",
        "p50 / both parts": "times both searches in a row",
        "own memory MB": "memory of its own, MB",
        "mapped MB": "files in use, MB",
    }
    names = (
        "sparse",
        "dense (hnsw)",
        "sparse, then dense",
        "hybrid",
        "sparse-first",
        "hybrid, exact over all documents",
    )
    return chosen("hybrid_latency", 1, columns, {name: name for name in names})


def whole(name: str, number: int = 1) -> str:
    """A table as the results have it."""
    rows = table(name, number)
    return markdown(list(rows[0]), [list(row.values()) for row in rows])


def shard_tails() -> str:
    """The measured tails without hedging and with it after the p95, then the same with stalls."""
    rows = []
    for number, title in ((1, "as measured"), (2, "one call in 100 stalled 20 ms")):
        for row in table("shard_tails", number):
            if row["hedging"] in ("none", "after the p95") and row["shards"] in ("1", "10", "100"):
                shown = [row[name] for name in ("shards", "hedging", "p50 ms", "p99 ms", "p99.9 ms", "more requests")]
                rows.append([title, *shown])
    return markdown(["", "shards", "hedging", "p50 ms", "p99 ms", "p99.9 ms", "more requests"], rows)


def one_machine() -> str:
    """What `lsr plan` goes by: index, build and search of one index, by its documents."""
    from lsr.build.capacity import GIB, measured

    rows = []
    for size in measured()["sizes"]:
        millions, search = size["documents"] / 1e6, size["search"]
        times = [
            f"{search[level]['mean_us'] / 1000:.2f} / {search[level]['p99_us'] / 1000:.2f}"
            for level in ("0.95", "exact")
        ]
        rows.append(
            [
                f"{size['documents']:,}",
                f"{size['index_bytes'] / GIB:.2f}",
                f"{size['index_bytes'] / GIB / millions:.2f}",
                f"{size['build_seconds']:.0f}",
                f"{size['build_peak_bytes'] / GIB:.2f}",
                *times,
            ]
        )
    heads = ["documents", "index GiB", "GiB a million", "build s", "build's peak GiB", "recall 0.95, ms", "exact, ms"]
    return markdown(heads, rows)


def plans() -> str:
    """`lsr plan` for three collections, of machines of two kinds."""
    from lsr.build.capacity import Need, plan

    rows = []
    for documents, name in ((10_000_000, "10 million"), (138_000_000, "138 million"), (1_000_000_000, "a billion")):
        for cores, memory, recall in ((16, 64, 0.95), (48, 384, 0.90)):
            found = plan(Need(documents=documents, qps=500, recall=recall, cores=cores, memory_gib=memory))
            rows.append(
                [
                    name,
                    f"{cores} × {memory} GiB",
                    f"{recall:.2f}",
                    f"{found.machines:,}",
                    f"{found.shards:,} × {found.shard_documents / 1e6:.1f} M",
                    f"{found.index_gib:,.0f} GiB",
                    f"{found.p50_ms:.1f}",
                    f"{found.p99_ms:.1f}",
                    f"{found.qps:,.0f}",
                ]
            )
    heads = [
        "documents",
        "a machine",
        "recall",
        "machines",
        "shards",
        "one copy",
        "p50 ms",
        "p99 ms",
        "queries a second",
    ]
    return markdown(heads, rows)


TABLES: dict[str, Callable[[], str]] = {
    "readme": readme,
    "effectiveness": effectiveness,
    "hybrid": hybrid,
    "hybrid-latency": hybrid_latency,
    "engines": engines,
    "scale": scale,
    "writing-vectors": lambda: whole("live_peers"),
    "writing-words": lambda: whole("live_peers", 2),
    "writing-killed": lambda: whole("live_peers", 3),
    "exports": lambda: whole("exports"),
    "shard-tails": shard_tails,
    "plans": plans,
    "one-machine": one_machine,
    "filters": lambda: whole("filters"),
    "query-encoding": lambda: whole("query_encoding"),
    "cold-start": lambda: whole("cold_start"),
    "encoding": lambda: whole("encoding"),
    "pruning": lambda: whole("pruning"),
    "long-documents": lambda: whole("long_documents"),
    "training-step": lambda: whole("training_step"),
    "training-teachers": lambda: whole("training_teachers"),
    "training-penalties": lambda: whole("training_penalties"),
    "decoder": lambda: whole("decoder"),
    "adapted": lambda: whole("adapted"),
}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def main(check: bool) -> int:
    """Fill in, or compare, every page."""
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        new = filled(text)
        if new != text:
            stale.append(page)
            if not check:
                page.write_text(new, encoding="utf-8")
    for page in stale:
        print(f"{page.relative_to(ROOT)}: {'out of date' if check else 'written'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
