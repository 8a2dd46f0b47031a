"""How an index is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lsr.errors import InputError

# An estimate between two sizes. At 300,000 documents of 99 terms exact search is the faster (0.62 ms against 0.83 at
# recall 0.98, benchmarks/search.py); at 600,000, half of them disturbed copies of the others, blocked was, in a single
# trial on a busy machine (0.95 ms against 1.5 of processor time).
BLOCKED_FROM_DOCUMENTS = 500_000


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Settings of a build, recorded in the manifest.

    The blocks are those of Seismic (Bruch, Nardini, Rulli and Venturini, SIGIR 2024, arXiv:2404.18812). Defaults are
    those of its authors' code, but for centroid_fraction (there 0.1) and summary_energy (0.4): on 300,000 vectors of
    99 terms 0.2 and 0.5 reached higher recall in less time in one trial, and took a third more space.

    Attributes:
        blocks: build the blocks that `mode="blocked"` searches; without them an index answers in exact mode only.
            None builds them from BLOCKED_FROM_DOCUMENTS documents on, where `mode="auto"` begins to use them: they take
            several times the space of all other parts.
        n_postings: the strongest postings of each list that go into its blocks; None keeps the whole list.
        centroid_fraction: blocks per posting kept: a list of 1,000 postings is cut into 200 blocks.
        min_cluster_size: smaller blocks are dissolved into the others.
        doc_cut: a document's strongest terms that decide which block it goes to.
        summary_energy: share of a summary's L1 mass that is kept, strongest terms first. 1.0 makes every summary an
            upper bound on the scores in its block.
        seed: of the random choice of centroids. A seed gives the same bytes whatever the number of threads.
    """

    blocks: bool | None = None
    n_postings: int | None = 3500
    centroid_fraction: float = 0.2
    min_cluster_size: int = 2
    doc_cut: int = 15
    summary_energy: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        whole = {"n_postings": self.n_postings, "min_cluster_size": self.min_cluster_size, "doc_cut": self.doc_cut}
        for name, number in whole.items():
            if number is not None and number < 1:
                raise InputError(f"{name} must be at least 1, not {number}")
        for name, share in (("centroid_fraction", self.centroid_fraction), ("summary_energy", self.summary_energy)):
            if not (math.isfinite(share) and 0 < share <= 1):
                raise InputError(f"{name} must lie in (0, 1], not {share}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed must lie in 0 … 2⁶³ − 1, not {self.seed}")

    def wants_blocks(self, documents: int) -> bool:
        """Whether an index of so many documents gets blocks."""
        return documents >= BLOCKED_FROM_DOCUMENTS if self.blocks is None else self.blocks

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> IndexSettings:
        """From what `to_record` gave."""
        return cls(**{field.name: record[field.name] for field in fields(cls) if field.name in record})
