"""What the manifest says of a dense part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.errors import InputError

NAME = "dense"
VECTORS_NAME = "vectors.npy"
ANN_NAME = "ann.faiss"

SIMILARITIES = ("cosine", "dot")


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
        if self.similarity not in SIMILARITIES:
            raise InputError(f"similarity must be {' or '.join(SIMILARITIES)}, not {self.similarity!r}")

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> DenseRecord:
        """Inverse of `to_record`. TypeError if a value is missing or not known."""
        return cls(**record)
