"""What `lsr tune --qrels` finds and an index keeps: the weight of the dense side, for all queries or for each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lsr.core.errors import IndexFormatError, InputError
from lsr.core.options import beneath, build, check_options, shortened
from lsr.core.values import is_number
from lsr.index.format.output import change_manifest

if TYPE_CHECKING:
    from lsr.index.live.snapshot import Index

FEATURES = ("terms", "sparse_fall", "dense_best", "dense_fall", "agreement")

_TOP = 10


def query_features(
    terms: int,
    sparse: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    dense: tuple[npt.NDArray[Any], npt.NDArray[Any]],
) -> npt.NDArray[np.float64]:
    """Features of a query and of the (rows, scores) of its first searches, at no extra cost: float64 [5].

    The logarithm of the number of query terms; how far the score falls from the first to the tenth sparse hit, as a
    share; the best dense score; its fall to the tenth; the share of the ten best that both sides have.
    """
    features = [float(np.log1p(terms))]
    rows, scores = sparse
    features.append(float(1 - scores[:_TOP][-1] / scores[0]) if len(rows) and scores[0] > 0 else 0.0)
    found, products = dense
    features += [float(products[0]), float(products[0] - products[:_TOP][-1])] if len(found) else [0.0, 0.0]
    features.append(len(np.intersect1d(rows[:_TOP], found[:_TOP])) / _TOP)
    return np.array(features)


@dataclass(frozen=True, slots=True)
class WeightPredictor:
    """A query's dense weight as a linear function of its features, cut to 0 … 1.

    Attributes:
        means, deviations: of each feature on the queries learned from; coefficients: of the standardised features.
        intercept: the weight of the average query.
    """

    means: tuple[float, ...]
    deviations: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def predict(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The dense weights: float64 [n] for features [n, 5], or a number for [5]."""
        standard = (features - np.array(self.means)) / np.array(self.deviations)
        return np.clip(standard @ np.array(self.coefficients) + self.intercept, 0, 1)


@dataclass(frozen=True, slots=True)
class FusionTuning:
    """The weight to fuse with if a search names none.

    Attributes:
        method, completion, depth: the fusion that it was found for; another method does not use it.
        dense_weight: the same for all queries.
        predictor: of each query's own weight; None if that was no better on held-out judged queries.
        metric: that was maximised; reached: its mean on the held-out half of the queries; before: what the
            method's own weight gave there.
        queries: how many were judged.
    """

    method: str
    completion: str
    depth: int
    dense_weight: float
    predictor: WeightPredictor | None
    metric: str
    reached: float
    before: float
    queries: int

    def weight(self, features: npt.NDArray[np.float64]) -> float:
        """The dense weight of a query."""
        return self.dense_weight if self.predictor is None else float(self.predictor.predict(features))

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> FusionTuning:
        """Inverse of `to_record`. InputError names a value that is wrong."""
        given = dict(record)
        predictor = given.get("predictor")
        if predictor is not None:
            with beneath("predictor"):
                given["predictor"] = _predictor(predictor)
        made = build(cls, given)
        check_options(made)
        return made


def _predictor(record: Any) -> WeightPredictor:
    if not isinstance(record, dict):
        raise InputError(f"must hold fields, not {shortened(record)}")
    for name in ("means", "deviations", "coefficients"):
        values = record.get(name)
        if not isinstance(values, list | tuple) or len(values) != len(FEATURES) or not all(map(is_number, values)):
            raise InputError(f"must be {len(FEATURES)} numbers, not {shortened(values)}", field=name)
    made = build(WeightPredictor, {name: tuple(v) if isinstance(v, list) else v for name, v in record.items()})
    check_options(made)
    if not all(made.deviations):
        raise InputError("must not be zero", field="deviations")
    return made


def stored_tuning(index: Index) -> FusionTuning | None:
    """What was found for hybrid search of an index, or None. IndexFormatError for a record that is not readable."""
    record = index.manifest.fusion
    try:
        return None if record is None else FusionTuning.from_record(record)
    except InputError as error:
        raise IndexFormatError(f"{index.path}: the record of the fusion's tuning is not readable ({error})") from error


def store_tuning(index: Index, tuning: FusionTuning) -> None:
    """Record the tuning in the manifest on disk, replacing the old one; an index opened afterwards has it.

    IndexFormatError if the index was replaced on disk since it was opened.
    """
    record = tuning.to_record()
    change_manifest(index.path, index.manifest.segment, lambda manifest: replace(manifest, fusion=record))
