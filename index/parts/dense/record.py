"""What the manifest says of a dense part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lsr.core.errors import InputError
from lsr.core.options import build, check_options, listed, shortened
from lsr.index.parts.dense.settings import KINDS

NAME = "dense"
VECTORS_NAME = "vectors.npy"
ANN_NAME = "ann.faiss"

SIMILARITIES = ("cosine", "dot")
# Of a vector; more than any model makes.
MOST_NUMBERS = 1 << 20


@dataclass(frozen=True, slots=True)
class DenseRecord:
    """The facts about a dense part.

    Attributes:
        dim: length of a stored vector; full_dim: of one as the encoder makes it, more if they are truncated.
        similarity: "cosine" (vectors are stored with length one) or "dot".
        kind: one of `lsr.index.parts.dense.settings.KINDS`.
        encoder: the encoder's own description (JSON values), or None if unknown.
    """

    dim: int
    full_dim: int
    similarity: str
    kind: str
    encoder: dict[str, Any] | None

    def __post_init__(self) -> None:
        check_options(self)
        if not 1 <= self.dim <= self.full_dim <= MOST_NUMBERS:
            raise InputError(f"{self.dim} of {self.full_dim} numbers of a vector: must lie in 1 … {MOST_NUMBERS:,}")
        if self.kind not in KINDS:
            raise InputError(f"kind must be {listed(KINDS)}, not {shortened(self.kind)}")
        if self.encoder is not None and not isinstance(self.encoder, dict):
            raise InputError(f"encoder must be an object, not {shortened(self.encoder)}")
        if self.similarity not in SIMILARITIES:
            raise InputError(f"similarity must be {' or '.join(SIMILARITIES)}, not {self.similarity!r}")

    def with_kind(self, kind: str) -> DenseRecord:
        """The same, with another kind of structure."""
        return replace(self, kind=kind)

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> DenseRecord:
        """Inverse of `to_record`. InputError names a value that is missing, not known or wrong."""
        return build(cls, record)
