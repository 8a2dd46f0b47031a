"""How many machines a collection needs: a model of costs, by what was measured (`benchmarks/capacity_constants.py`).

Every query is searched on one thread in every shard, and the shards' answers are merged. A shard's latency, index and
build are interpolated between the sizes that were measured, along straight lines of logarithms; beyond the largest size
they grow with the documents, which is more than was seen between smaller ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from statistics import NormalDist
from typing import Any

from lsr.core.errors import InputError

GIB = 1 << 30
EXACT = "exact"
# Documents in a shard that are tried, and all of them in one.
_SHARD_SIZES = (
    250_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    8_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
)
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Need:
    """What is wanted, and of what machines.

    Attributes:
        documents: how many there are.
        qps: queries a second.
        recall: of the ten best; above what approximate search was measured to reach, search is exact.
        p99_ms: what 99 of 100 queries shall take at most, unloaded; if nothing can, the plan says so.
        cores, memory_gib: of a machine.
        copies: how often every shard is there at least, so that a machine may fail.
        busy: the share of processors that searches may take.
        memory_share: the share of memory that indexes may take.
        terms: terms a document.
        text_bytes: title, text and fields of a document, as stored; on disk only.
    """

    documents: int
    qps: float = 100.0
    recall: float = 0.95
    p99_ms: float = 50.0
    cores: int = 16
    memory_gib: float = 64.0
    copies: int = 1
    busy: float = 0.6
    memory_share: float = 0.8
    terms: float | None = None
    text_bytes: float = 500.0

    def __post_init__(self) -> None:
        for name in ("documents", "qps", "p99_ms", "cores", "memory_gib", "copies", "busy", "memory_share"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"must be above 0, not {getattr(self, name)}", field=name)
        for name in ("recall", "busy", "memory_share"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"must lie in (0, 1], not {getattr(self, name)}", field=name)
        if self.terms is not None and not self.terms > 0:
            raise InputError(f"must be above 0, not {self.terms}", field="terms")
        if self.text_bytes < 0:
            raise InputError(f"must not be negative, but is {self.text_bytes}", field="text_bytes")


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes.

    Attributes:
        shards: how many, each of `shard_documents`; `copies` of each.
        machines: how many in all.
        bound: what decides their number: "memory" or "queries".
        memory_gib: indexes on a machine, of the memory it has; index_gib: of one copy of all shards.
        disk_gib: on a machine, with room for the next version beside the old one.
        p50_ms, p99_ms: of a query, unloaded, with the hop to the shards if there are several machines.
        qps: queries a second that the machines can answer.
        build_hours: to build all shards, on all machines and their processors; encode_hours: to encode the documents.
        extrapolated: whether a shard is larger than what was measured.
        slow: whether the latency that was wanted is missed.
    """

    shards: int
    shard_documents: int
    copies: int
    machines: int
    bound: str
    memory_gib: float
    index_gib: float
    disk_gib: float
    p50_ms: float
    p99_ms: float
    qps: float
    build_hours: float
    encode_hours: float
    extrapolated: bool
    slow: bool

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@cache
def measured() -> dict[str, Any]:
    """What was measured, as it is shipped."""
    found: dict[str, Any] = json.loads(files("lsr").joinpath("shipped/capacity/measured.json").read_text("utf-8"))
    return found


def plan(need: Need) -> Plan:
    """The fewest machines that answer in time; of those plans, the fewest shards, of measured sizes if there are."""
    plans = [_with_shards(need, shards) for shards in _shard_counts(need.documents)]
    return min(
        plans, key=lambda each: (each.slow, each.p99_ms if each.slow else each.machines, each.extrapolated, each.shards)
    )


def assumptions(need: Need) -> tuple[str, ...]:
    """What a plan takes for granted, a sentence each."""
    known = measured()
    largest, hop, encoding = known["sizes"][-1]["documents"], known["hop"], known["encoding"]
    return (
        f"search, memory and build were measured up to {largest:,} documents of {known['terms_a_document']:g} terms, "
        f"on {known['scale']['cpus']} processors ({known['scale']['date'][:10]}); beyond, all grows with the documents",
        f"recall is that of approximate search for 10 hits; {_level(need.recall)} was taken",
        "a query runs on one thread in every shard; shards answer independently, so a query is as slow as the slowest",
        f"a hop costs {hop['latency_ms']:.2f} ms, and {hop['cpu_ms']:.2f} ms of a processor in each shard's machine "
        f"(HTTP on one machine, {hop['machine']}, {hop['date'][:10]}); the network of yours is not in it",
        f"searches take at most {need.busy:.0%} of the processors, indexes {need.memory_share:.0%} of the memory; "
        "waiting in queues is not in the latencies",
        f"encoding: {encoding['documents_a_second']:,.0f} documents a second on {encoding['threads']} threads with "
        f"{encoding['model']} ({encoding['machine']}); a GPU is faster",
        "builds and encoding are taken to be as many times faster as there are processors",
    )


def _shard_counts(documents: int) -> Iterator[int]:
    yield 1
    for size in _SHARD_SIZES:
        if size < documents:
            yield math.ceil(documents / size)


def _with_shards(need: Need, shards: int) -> Plan:
    known = measured()
    size = math.ceil(need.documents / shards)
    index = _index_bytes(size, need.terms)
    mean, p50, p99 = (_search_ms(size, need, name) for name in ("mean_us", "p50_us", "p99_us"))
    held = math.floor(need.memory_gib * GIB * need.memory_share / index)  # shards that a machine has memory for
    on_machine = min(max(held, 1), shards)
    group = math.ceil(shards / on_machine)  # the machines that hold one copy of all shards
    on_machine = math.ceil(shards / group)
    # A query costs a search in every shard, and what HTTP does in every machine of a group.
    cost = mean * shards + known["hop"]["cpu_ms"] * group
    processors = math.ceil(cost / 1000 * need.qps / need.busy / need.cores)
    copies = max(need.copies, math.ceil(processors / group))
    machines = copies * group
    # Shards of one machine beyond its processors wait for one another; a group is asked by one of its machines.
    turns = math.ceil(on_machine / need.cores)
    hop = known["hop"]["latency_ms"] * (1 if group == 1 else 2)
    slowest = _slowest(p50, p99, shards)
    late = turns * slowest(0.99) + hop
    text = need.documents * need.text_bytes / group
    build = _between("build_seconds", size) * shards * known["build_threads"] / need.cores / machines
    encoding = known["encoding"]
    encode = need.documents / encoding["documents_a_second"] * encoding["threads"] / need.cores / machines
    return Plan(
        shards=shards,
        shard_documents=size,
        copies=copies,
        machines=machines,
        bound="queries" if copies > need.copies else "memory",
        memory_gib=round(on_machine * index / GIB, 1),
        index_gib=round(shards * index / GIB, 1),
        disk_gib=round(2 * (on_machine * index + text) / GIB, 1),
        p50_ms=round(turns * slowest(0.5) + hop, 2),
        p99_ms=round(late, 2),
        qps=round(machines * need.cores * need.busy * 1000 / cost, 1),
        build_hours=round(build / 3600, 2),
        encode_hours=round(encode / 3600, 2),
        extrapolated=size > known["sizes"][-1]["documents"],
        slow=late > need.p99_ms or not held,
    )


def _level(recall: float) -> str:
    """The least recall that was measured and is enough; exact search beyond."""
    levels = sorted(name for name in measured()["sizes"][0]["search"] if name != EXACT)
    return next((name for name in levels if float(name) >= recall), EXACT)


def _search_ms(documents: int, need: Need, name: str) -> float:
    level = _level(need.recall)
    sizes = measured()["sizes"]
    values = [size["search"][level][name] / 1000 for size in sizes]
    return interpolated([size["documents"] for size in sizes], values, documents)


def _index_bytes(documents: int, terms: float | None) -> float:
    found = _between("index_bytes", documents)
    return found if terms is None else found * terms / measured()["terms_a_document"]


def _between(name: str, documents: int) -> float:
    sizes = measured()["sizes"]
    return interpolated([size["documents"] for size in sizes], [size[name] for size in sizes], documents)


def interpolated(sizes: Sequence[float], values: Sequence[float], size: float) -> float:
    """The value at a size: along a line of logarithms between two, and in proportion outside of all."""
    if size <= sizes[0]:
        return values[0] * size / sizes[0]
    for (low, first), (high, last) in zip(
        zip(sizes, values, strict=True), list(zip(sizes, values, strict=True))[1:], strict=False
    ):
        if size <= high:
            share = math.log(size / low) / math.log(high / low)
            return math.exp(math.log(first) + share * math.log(last / first))
    return values[-1] * size / sizes[-1]


def _slowest(p50: float, p99: float, shards: int) -> Callable[[float], float]:
    """Quantiles of the slowest of independent shards whose latency is log-normal, through its median and its p99."""
    spread = max(math.log(p99 / p50), 0.0) / _NORMAL.inv_cdf(0.99)

    def quantile(share: float) -> float:
        return p50 * math.exp(spread * _NORMAL.inv_cdf(share ** (1 / shards)))

    return quantile
