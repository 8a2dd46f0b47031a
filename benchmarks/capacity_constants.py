"""What `lsr plan` reckons by, from the results that other benchmarks left: lsr/shipped/capacity/measured.json.

    python benchmarks/capacity_constants.py [--results DIR] [--output FILE]

It measures nothing. Of each size of collection in scale.json and scale_largest.json it takes bytes a document, the
memory and the seconds of the build, and for each recall the latency of the fastest parameters that reached it; of
load.json what HTTP adds to a search; of encoding.json documents encoded a second. Each is there with the file that it
is from, its date, and its machine. A size that both files have is taken from the first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from script import RESULTS

from lsr.core.files import atomic_file

OUTPUT = Path(__file__).parents[1] / "lsr" / "shipped" / "capacity" / "measured.json"
RECALLS = (0.9, 0.95, 0.98)
_K = 10


def sizes(results: Path) -> Iterable[dict[str, Any]]:
    """Of each size: documents, index, build, and search by recall."""
    seen: set[int] = set()
    for name in ("scale", "scale_largest"):
        for size in json.loads((results / f"{name}.json").read_text())["values"]["sizes"]:
            if size["documents"] not in seen:
                seen.add(size["documents"])
                yield {"file": f"{name}.json", **of_size(size)}


def of_size(size: dict[str, Any]) -> dict[str, Any]:
    """One size; a recall that no parameters reached is that of exact search."""
    build = next(each for each in size["builds"] if each["engine"] == "lsr")
    rows = [each for each in size["rows"] if each["engine"] == "lsr" and each["k"] == _K]
    exact = next(each for each in rows if each["mode"] == "exact")
    searches = {}
    for wanted in RECALLS:
        enough = [each for each in rows if each["recall"] >= wanted]
        searches[str(wanted)] = latency(min(enough, key=lambda each: each["mean_us"], default=exact))
    return {
        "documents": size["documents"],
        "index_bytes": build["bytes"]["total"],
        "build_seconds": round(build["seconds"], 1),
        "build_peak_bytes": build["peak_bytes"],
        "search": {**searches, "exact": latency(exact)},
    }


def latency(row: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a row."""
    return {
        **{name: round(row[name], 1) for name in ("mean_us", "p50_us", "p99_us")},
        "recall": round(row["recall"], 4),
    }


def constants(results: Path) -> dict[str, Any]:
    """All of it."""
    scale = json.loads((results / "scale_largest.json").read_text())
    load = json.loads((results / "load.json").read_text())
    encoding = json.loads((results / "encoding.json").read_text())
    alone = load["values"]["in_process"]["p50_ms"]
    single = load["values"]["rows"]["lsr, uvicorn, 1 process"]["1"]
    busiest = max(each["per_second"] for name, each in both(load).items() if name.isdigit())
    cpus = load["machine"]["cpus"]
    return {
        "sizes": sorted(sizes(results), key=lambda each: each["documents"]),
        "terms_a_document": scale["values"]["about"]["terms"],
        "build_threads": scale["values"]["about"]["build_threads"],
        "scale": {"date": scale["date"], "cpus": scale["values"]["about"]["cpus"]},
        "hop": {
            "file": "load.json",
            "date": load["date"],
            "machine": load["machine"]["processor"],
            "latency_ms": round(single["p50_ms"] - alone, 3),
            # With all processors busy, what a request costs beyond its search; the load's generator is in it.
            "cpu_ms": round(1000 * cpus / busiest - alone, 3),
        },
        "encoding": {
            "file": "encoding.json",
            "date": encoding["date"],
            "machine": encoding["values"]["processor"],
            "model": encoding["values"]["model"],
            "threads": encoding["values"]["threads"],
            "documents_a_second": round(encoding["values"]["systems"]["lsr"]["documents_per_second"], 1),
        },
    }


def both(load: dict[str, Any]) -> dict[str, Any]:
    """The rows of a server with a process for each processor."""
    found: dict[str, Any] = load["values"]["rows"]["lsr, uvicorn, 2 processes"]
    return found


def main() -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    arguments = parser.parse_args()
    with atomic_file(arguments.output, force=True) as temporary:
        temporary.write_text(json.dumps(constants(arguments.results), indent=1) + "\n", encoding="utf-8")
    print(arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
