"""What the manifest says of token vectors, and the names of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lsr.core.errors import InputError
from lsr.core.options import build, check_options, listed, shortened

NAME = "late"
INDPTR_NAME = "late_indptr.npy"
CODES_NAME = "late_codes.npy"
SCALES_NAME = "late_scales.npy"
FILE_NAMES = (INDPTR_NAME, CODES_NAME, SCALES_NAME)

BITS = (8, 4)
# Of a vector, more than any model makes; and of vectors, for their codes to be counted in 64 bits.
MOST_NUMBERS = 1 << 20
_MOST_VECTORS = 1 << 40


@dataclass(frozen=True, slots=True)
class LateRecord:
    """The facts about the token vectors of an index.

    Attributes:
        documents: number of documents, with vectors or without.
        vectors: number of vectors of all documents.
        dim: length of a vector.
        bits: of a number, 8 or 4.
        encoder: the token encoder's own description, as JSON values.
    """

    documents: int
    vectors: int
    dim: int
    bits: int
    encoder: dict[str, Any]

    @property
    def vector_bytes(self) -> int:
        """Bytes of a vector's codes."""
        return code_bytes(self.dim, self.bits)

    def to_record(self) -> dict[str, Any]:
        """As JSON values, for the manifest."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> LateRecord:
        """Inverse of `to_record`. InputError names a value that is missing, not known or wrong."""
        made = build(cls, record)
        check_options(made)
        if not 1 <= made.dim <= MOST_NUMBERS or made.documents < 0 or not 0 <= made.vectors <= _MOST_VECTORS:
            raise InputError(f"{made.vectors} vectors of {made.dim} numbers, of {made.documents} documents")
        if made.bits not in BITS:
            raise InputError(f"{made.bits} bits of a number, and not {listed([str(bits) for bits in BITS])}")
        if not isinstance(made.encoder, dict):
            raise InputError(f"encoder must be an object, not {shortened(made.encoder)}")
        return made


def code_bytes(dim: int, bits: int) -> int:
    """Bytes of the codes of `dim` numbers."""
    return dim if bits == 8 else (dim + 1) // 2
