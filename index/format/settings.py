"""How an index is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any

from lsr.core.annotated import as_annotated
from lsr.core.deprecation import renamed_keywords
from lsr.core.errors import InputError
from lsr.core.options import build, check_options, shortened

# Documents per block, by the size of the index: the number of blocks, which sets the least cost of a search, grows more
# slowly than the collection.
_LARGE_COLLECTION = 600_000
_BLOCK_SIZES = ((_LARGE_COLLECTION, 3), (4_000_000, 4))
_LARGEST_COLLECTIONS = 6
MOST_BLOCK_DOCUMENTS = 256
# Manifests keep the name that the setting had when the format was made ("dense" now means dense vectors), as files do:
# see `lsr.index.parts.summaries.blocks`.
_RECORDED_AS = {"frequent_share": "dense_share"}


@dataclass(frozen=True, slots=True)
class SeismicSettings:
    """The blocks that `mode="seismic"` searches: those of Seismic (Bruch, Nardini, Rulli and Venturini, SIGIR 2024).

    Defaults are those of its authors' code, but for centroid_fraction (there 0.1) and summary_energy (0.4): on 300,000
    vectors of 99 terms 0.2 and 0.5 reached higher recall in less time in one trial, and took a third more space.

    Attributes:
        n_postings: how many of each list's strongest postings go into its blocks; None keeps the whole list.
        centroid_fraction: blocks per posting kept: a list of 1,000 postings is cut into 200 blocks.
        min_cluster_size: smaller blocks are dissolved into the others.
        doc_cut: how many of a document's strongest terms decide which block it goes to.
        summary_energy: share of a summary's L1 mass that is kept, strongest terms first. 1.0 makes every summary an
            upper bound on the scores in its block.
    """

    n_postings: int | None = 3500
    centroid_fraction: float = 0.2
    min_cluster_size: int = 2
    doc_cut: int = 15
    summary_energy: float = 0.5

    def __post_init__(self) -> None:
        check_options(self)
        whole = {"n_postings": self.n_postings, "min_cluster_size": self.min_cluster_size, "doc_cut": self.doc_cut}
        for name, number in whole.items():
            if number is not None and number < 1:
                raise InputError(f"{name} must be at least 1, not {number}")
        for name, share in (("centroid_fraction", self.centroid_fraction), ("summary_energy", self.summary_energy)):
            if not (math.isfinite(share) and 0 < share <= 1):
                raise InputError(f"{name} must lie in (0, 1], not {share}")


@dataclass(frozen=True, slots=True)
class BmpSettings:
    """The blocks that `mode="bmp"` searches: those of Block-Max Pruning (Mallia, Suel and Tonellotto, SIGIR 2024).

    Attributes:
        block_size: neighbouring documents of a block, 1 to 256. Smaller blocks have closer bounds, and take more space
            and more time to sort.
    """

    block_size: int = 32

    def __post_init__(self) -> None:
        check_options(self)
        if not 1 <= self.block_size <= MOST_BLOCK_DOCUMENTS:
            raise InputError(f"block_size must lie in 1 … {MOST_BLOCK_DOCUMENTS}, not {self.block_size}")


@renamed_keywords(dense_share="frequent_share")
@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Settings of a build, recorded in the manifest.

    Attributes:
        block_size: neighbouring documents that share a summary, 1 to 256. Larger blocks make a smaller index and
            cheaper bounds, which are looser: more documents are scored. None chooses by the size of the collection:
            3, from 600,000 documents on 4, from 4 million on 6.
        reorder: put similar documents side by side first; otherwise blocks hold whatever documents are neighbours.
        frequent_share: terms in more than this share of the blocks get a row of weights for all blocks instead of a
            list. A row takes less space from 0.33 on, and less time in exact search from about 0.1 on; approximate
            search reads only the head of a list. None chooses by the size of the collection: 0.125, from 600,000
            documents on 0.25.
        weight_bits: 8, or 16 or 24 for one or two more bytes of each weight in the forward index, which scores are
            computed from. With 24, scores are those of the float32 weights, to about six digits.
        seismic: also build what `mode="seismic"` searches. It takes several times the space of all other parts.
        bmp: also build what `mode="bmp"` searches.
        seed: for the random choices of a build. A seed gives the same bytes whatever the number of threads.
        parts: further optional parts to build (`lsr.index.parts.registry`): the settings of each by its name, as its
            dataclass or as JSON values, which they are kept as.
    """

    block_size: int | None = None
    reorder: bool = True
    frequent_share: float | None = None
    weight_bits: int = 8
    seismic: SeismicSettings | None = None
    bmp: BmpSettings | None = None
    seed: int = 0
    parts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_options(self)
        if not isinstance(self.parts, Mapping):
            raise InputError(f"must be settings by the names of parts, not {shortened(self.parts)}", field="parts")
        for name in ("seismic", "bmp"):
            if name in self.parts:
                raise InputError(f"the settings of {name} are given as {name}, not among the other parts'")
        object.__setattr__(self, "parts", {name: _as_record(given) for name, given in self.parts.items()})
        if self.block_size is not None and not 1 <= self.block_size <= MOST_BLOCK_DOCUMENTS:
            raise InputError(f"block_size must lie in 1 … {MOST_BLOCK_DOCUMENTS}, not {self.block_size}")
        if self.frequent_share is not None and not 0 < self.frequent_share <= 1:
            raise InputError(f"frequent_share must lie in (0, 1], not {self.frequent_share}")
        if self.weight_bits not in (8, 16, 24):
            raise InputError(f"weight_bits must be 8, 16 or 24, not {self.weight_bits}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed must lie in 0 … 2⁶³ − 1, not {self.seed}")

    @as_annotated
    def choose_block_size(self, documents: int) -> int:
        """`block_size`, or the default for an index of so many documents."""
        if self.block_size is not None:
            return self.block_size
        return next((size for below, size in _BLOCK_SIZES if documents < below), _LARGEST_COLLECTIONS)

    @as_annotated
    def choose_frequent_share(self, documents: int) -> float:
        """`frequent_share`, or the default for an index of so many documents."""
        if self.frequent_share is not None:
            return self.frequent_share
        return 0.125 if documents < _LARGE_COLLECTION else 0.25

    @property
    def requested(self) -> dict[str, Any]:
        """The optional parts to build: the settings of each by its name."""
        found = {"seismic": self.seismic, "bmp": self.bmp, **self.parts}
        return {name: settings for name, settings in found.items() if settings is not None}

    def facts(self) -> dict[str, Any]:
        """As JSON values for people to read: without `parts` if there are none."""
        return {name: value for name, value in asdict(self).items() if name != "parts" or value}

    def to_record(self) -> dict[str, Any]:
        """As JSON values for the manifest, which keeps the names that its format began with."""
        return {_RECORDED_AS.get(name, name): value for name, value in self.facts().items()}

    @classmethod
    @as_annotated
    def from_record(cls, record: Mapping[str, Any]) -> IndexSettings:
        """From what `to_record` gave. InputError names a value that is wrong."""
        keys = {each.name: _RECORDED_AS.get(each.name, each.name) for each in fields(cls)}
        values = {name: record[key] for name, key in keys.items() if key in record}
        return build(cls, values)


def _as_record(settings: Any) -> dict[str, Any]:
    if is_dataclass(settings) and not isinstance(settings, type):
        return asdict(settings)
    if not isinstance(settings, Mapping):
        raise InputError(f"must hold settings, not {shortened(settings)}", field="parts")
    return dict(settings)
