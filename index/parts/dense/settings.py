"""How dense vectors are searched: one of faiss's index structures, by default chosen by the size of the collection."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lsr.core.annotated import as_annotated
from lsr.core.errors import InputError
from lsr.core.options import check_options

KINDS = ("flat", "sq8", "pq", "hnsw", "ivf", "ivfpq")

# Up to this many vectors, reading all of them takes milliseconds and finds the true best.
FLAT_DOCUMENTS = 20_000
# Beyond this, the links of HNSW's graph, some 270 bytes a vector, take more memory than quantisation saves.
HNSW_DOCUMENTS = 5_000_000

_LINKS = 32
# A sub-quantiser's one-byte code stands for so many numbers, if this divides the dimension.
_PQ_NUMBERS = 8


@dataclass(frozen=True, slots=True)
class DenseSettings:
    """Settings of a dense part, recorded in the manifest.

    Every kind but flat only proposes candidates: they are scored with the stored float32 vectors.

    Attributes:
        kind: "flat" reads every vector; "sq8" does so in 8 bits a number, "pq" by product quantisation (Jégou, Douze
            and Schmid 2011); "hnsw" follows a graph of neighbours (Malkov and Yashunin, arXiv:1603.09320) over 8-bit
            vectors; "ivf" and "ivfpq" read the nearest of many clusters, in 8 bits or by product quantisation; "auto"
            is flat up to 20,000 vectors, hnsw up to 5 million, then ivfpq.
        truncate: keep the first so many numbers of each vector (Matryoshka, arXiv:2205.13147); None keeps all.
    """

    kind: str = "auto"
    truncate: int | None = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.kind not in ("auto", *KINDS):
            raise InputError(f"the kind of dense index must be auto, {', '.join(KINDS)}, not {self.kind!r}")
        if self.truncate is not None and self.truncate < 1:
            raise InputError(f"truncate must be at least 1, not {self.truncate}")

    @as_annotated
    def choose_kind(self, documents: int) -> str:
        """The kind that "auto" stands for, or the given one."""
        if self.kind != "auto":
            return self.kind
        if documents <= FLAT_DOCUMENTS:
            return "flat"
        return "hnsw" if documents <= HNSW_DOCUMENTS else "ivfpq"


def factory(kind: str, documents: int, dim: int) -> str:
    """The string for faiss's index_factory for a kind other than flat. With IDMap2, rows are the ids."""
    codes = f"PQ{sub_quantisers(dim)}x{code_bits(documents)}"
    return (
        "IDMap2,"
        + {
            "sq8": "SQ8",
            "pq": codes,
            "hnsw": f"HNSW{_LINKS}_SQ8",
            "ivf": f"IVF{clusters(documents)},SQ8",
            "ivfpq": f"IVF{clusters(documents)},{codes}",
        }[kind]
    )


def clusters(documents: int) -> int:
    """The number of clusters: four times the square root of the number of vectors, as faiss's guide recommends."""
    return max(1, min(4 * math.isqrt(documents), documents // 39))


def sub_quantisers(dim: int) -> int:
    """The number of sub-quantisers: one for eight numbers or, if the dimension is not divisible by eight, for fewer."""
    return dim // next(numbers for numbers in range(_PQ_NUMBERS, 0, -1) if dim % numbers == 0)


def code_bits(documents: int) -> int:
    """Bits of a code: 8, or fewer if there are too few vectors to learn 256 centroids."""
    return min(8, max(1, (documents // 39).bit_length() - 1)) if documents < 39 * 256 else 8
