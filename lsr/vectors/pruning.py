"""Static pruning: making vectors smaller for good, by dropping the lightest terms of documents.

Rules after Lassance et al., A Static Pruning Study on Sparse Neural Retrievers, SIGIR 2023, and OpenSearch's
`prune_type`:

| here | there |
|---|---|
| `TopK` | document-centric pruning; `top_k` |
| `Mass` | `alpha_mass`, which also drops the term that crosses the share, and so all of a document of one term |
| `MaxRatio` | `max_ratio` |
| `Threshold` | agnostic pruning by value; `abs_value` |
| `Quantile` | agnostic pruning by the quantile of all weights |

All of them guarantee this: the remaining terms and weights are unchanged; a document keeps its heaviest term, whatever
the rule says (ties: the lower term id); no term is kept while a heavier one of the same document is dropped; a stronger
rule of the same kind keeps a subset; and the result does not depend on which documents share a batch. TopK, Threshold
and MaxRatio change nothing the second time; Mass and Quantile are shares of what is left, so pruning again drops more.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from decimal import Decimal
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lsr.core.annotated import as_annotated
from lsr.core.arguments import kind_of
from lsr.core.errors import InputError
from lsr.core.options import build, check_options
from lsr.vectors.sparse import SparseVectors

Weights = Callable[[], Iterable[npt.NDArray[np.float32]]]
"""Returns the weights of a collection, in parts and in any order, each time it is called."""

# Masses are added up in this many bits below a document's heaviest weight: sums of 2³² terms fit into 64.
_MASS_BITS = 31


class Rule(ABC):
    """A rule for which terms of a document to keep."""

    name: ClassVar[str]

    @property
    def value(self) -> float:
        """The rule's one parameter."""
        return astuple(self)[0]  # type: ignore[call-overload]

    def __str__(self) -> str:
        return f"{self.name} {self.value:g}"


class LocalRule(Rule):
    """A rule that looks at one document at a time."""

    @abstractmethod
    def prune(self, vectors: SparseVectors) -> SparseVectors:
        """Prune every row."""


@dataclass(frozen=True, slots=True)
class TopK(LocalRule):
    """Keep the `k` heaviest terms of each document; among ties at the edge, the lower term ids."""

    k: int
    name = "top_k"

    def __post_init__(self) -> None:
        check_options(self)
        if self.k < 1:
            raise InputError(f"top_k must be at least 1, not {self.k}")

    @as_annotated
    def prune(self, vectors: SparseVectors) -> SparseVectors:
        return vectors.top_k(self.k)


@dataclass(frozen=True, slots=True)
class Mass(LocalRule):
    """Keep the fewest terms, heaviest first, whose weights reach this `share` of the sum of the document's weights.

    Among ties, the lower term id comes first. Sums are exact in steps of 2⁻³¹ of the power of two above the heaviest
    weight. A share of 1 keeps everything.
    """

    share: float
    name = "mass"

    def __post_init__(self) -> None:
        # A rule is known by its name: said before what says only of a field that it is out of all reason.
        if isinstance(self.share, Real) and not 0 < self.share <= 1:
            raise InputError(f"mass must lie in (0, 1], not {self.share}")
        check_options(self)

    @as_annotated
    def prune(self, vectors: SparseVectors) -> SparseVectors:
        if self.share == 1:
            return vectors
        lengths = np.diff(vectors.indptr)
        order = vectors.heaviest_first()
        # Whole numbers, so that a row's sums do not depend on the other rows in the one running sum: even if that
        # wraps, the differences within a row are still right.
        exponents = np.frexp(_heaviest(vectors))[1].astype(np.int64)
        scaled = np.ldexp(vectors.weights.astype(np.float64), np.repeat(_MASS_BITS - exponents, lengths))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(np.rint(scaled).astype(np.uint64)[order])])
        starts = sums[vectors.indptr[:-1]]
        wanted = self.share * (sums[vectors.indptr[1:]] - starts).astype(np.float64)
        before = (sums[:-1] - np.repeat(starts, lengths)).astype(np.float64)
        kept = np.empty(vectors.nnz, np.bool_)
        kept[order] = before < np.repeat(wanted, lengths)
        return vectors.keep(kept)


@dataclass(frozen=True, slots=True)
class MaxRatio(LocalRule):
    """Keep terms of at least `ratio` times the document's heaviest weight (in float32, like the weights)."""

    ratio: float
    name = "max_ratio"

    def __post_init__(self) -> None:
        if isinstance(self.ratio, Real) and not 0 <= self.ratio <= 1:
            raise InputError(f"max_ratio must lie in [0, 1], not {self.ratio}")
        check_options(self)

    @as_annotated
    def prune(self, vectors: SparseVectors) -> SparseVectors:
        least = np.float32(self.ratio) * _heaviest(vectors)
        return vectors.keep(vectors.weights >= np.repeat(least, np.diff(vectors.indptr)))


@dataclass(frozen=True, slots=True)
class Threshold(LocalRule):
    """Keep terms of at least this `weight` (rounded to float32, like the weights), or else the document's heaviest."""

    weight: float
    name = "threshold"

    def __post_init__(self) -> None:
        if isinstance(self.weight, Real) and not 0 <= self.weight < math.inf:
            raise InputError(f"threshold must be a finite weight of at least 0, not {self.weight}")
        check_options(self)

    @as_annotated
    def prune(self, vectors: SparseVectors) -> SparseVectors:
        with np.errstate(over="ignore"):
            least = np.float32(self.weight)
        kept = vectors.weights >= least
        starts = vectors.indptr
        for row in np.flatnonzero((_heaviest(vectors) < least) & (np.diff(starts) > 0)):
            kept[starts[row] + vectors.weights[starts[row] : starts[row + 1]].argmax()] = True
        return vectors.keep(kept)


@dataclass(frozen=True, slots=True)
class Quantile(Rule):
    """Drop the lightest `share` of all terms of all documents: `fit` finds the corresponding `Threshold`.

    Terms of equal weight are kept or dropped together, so never more than the share is dropped, and less where many
    weights are equal, as in an index with its 255 different weights. A document's heaviest term is never dropped.
    """

    share: float
    name = "quantile"

    def __post_init__(self) -> None:
        if isinstance(self.share, Real) and not 0 <= self.share < 1:
            raise InputError(f"quantile must lie in [0, 1), not {self.share}")
        check_options(self)


RULES: dict[str, type[Rule]] = {rule.name: rule for rule in (TopK, Mass, MaxRatio, Threshold, Quantile)}
"""By their names in records and on the command line."""


@as_annotated
def fit(rule: Rule, weights: Weights) -> LocalRule:
    """Turn a rule for a collection into one for single documents; `weights` are read twice for a quantile."""
    if isinstance(rule, Quantile):
        return Threshold(exact_quantile(weights, rule.share))
    if not isinstance(rule, LocalRule):
        raise InputError(f"a rule is one of {', '.join(RULES)}, or another that prunes, not {kind_of(rule)}")
    return rule


@as_annotated
def exact_quantile(weights: Weights, share: float) -> float:
    """The largest of the weights such that at most this share of them (0 ≤ share < 1) are below it.

    Exact, in memory for 2¹⁶ counters: positive floats sort like their bits, so the first pass counts the upper halves
    of the bits, and the second the lower halves that go with the upper half found. 0 if there are no weights.
    InputError if the second pass finds other weights.
    """
    if not 0 <= share < 1:
        raise InputError(f"share must lie in [0, 1), not {share}")
    upper, lower = np.zeros(1 << 15, np.int64), np.zeros(1 << 16, np.int64)
    for part in weights():
        upper += np.bincount(part.view(np.uint32) >> 16, minlength=len(upper))
    total = int(upper.sum())
    if not total:
        return 0.0
    below = int(Decimal(repr(share)) * total)  # 0.29 of 100 are 29, which floats make 28
    ends = np.cumsum(upper)
    high = int(np.searchsorted(ends, below, side="right"))
    for part in weights():
        bits = part.view(np.uint32)
        lower += np.bincount(bits[bits >> 16 == high] & 0xFFFF, minlength=len(lower))
    if lower.sum() != upper[high]:
        raise InputError("the vectors changed while they were read: prune them again")
    low = int(np.searchsorted(np.cumsum(lower), below - (ends[high] - upper[high]), side="right"))
    return float(np.array(high << 16 | low, np.uint32).view(np.float32))


@dataclass(frozen=True, slots=True)
class Pruning:
    """The effect of a rule on a collection.

    Attributes:
        rule: the rule's name.
        value: the rule's parameter.
        weight: the threshold found for a quantile; None for other rules.
        postings: (term, weight) pairs of all documents before pruning.
        kept: (term, weight) pairs after pruning.
    """

    rule: str
    value: float
    weight: float | None
    postings: int
    kept: int

    @property
    def dropped_share(self) -> float:
        """Share of the postings that were dropped."""
        return 1 - self.kept / self.postings if self.postings else 0.0

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Pruning:
        """Inverse of `to_record`. InputError names a value that is wrong."""
        made = build(cls, record)
        check_options(made)
        return made

    def __str__(self) -> str:
        weight = "" if self.weight is None else f" (weights from {self.weight:.4g})"
        return f"{self.rule} {self.value:g}{weight}: {self.kept:,} of {self.postings:,} postings kept"


class Pruner:
    """Prunes batches, and counts what was dropped."""

    @as_annotated
    def __init__(self, rule: Rule, weights: Weights) -> None:
        self._rule, self._fitted = rule, fit(rule, weights)
        self._postings = self._kept = 0

    @as_annotated
    def __call__(self, vectors: SparseVectors) -> SparseVectors:
        """Prune a batch."""
        pruned = self._fitted.prune(vectors)
        self._postings += vectors.nnz
        self._kept += pruned.nnz
        return pruned

    @property
    def done(self) -> Pruning:
        """What has been done so far."""
        weight = None if self._fitted is self._rule else self._fitted.value
        return Pruning(self._rule.name, self._rule.value, weight, self._postings, self._kept)


def _heaviest(vectors: SparseVectors) -> npt.NDArray[np.float32]:
    """float32 [n]: each row's largest weight; 0 for a row without terms."""
    heaviest = np.zeros(len(vectors), np.float32)
    filled = np.flatnonzero(np.diff(vectors.indptr))
    if len(filled):
        heaviest[filled] = np.maximum.reduceat(vectors.weights, vectors.indptr[filled])
    return heaviest
