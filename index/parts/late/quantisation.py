"""Token vectors as small whole numbers, each vector with a scale of its own.

Late interaction keeps its quality at a few bits a number (ColBERTv2: Santhanam et al. 2022, arXiv:2112.01488, which
codes what is left of a vector after its centroid in 1 or 2 bits). Here a vector is coded by itself, so that it can be
read by itself: in 8 or 4 bits, evenly spaced, the same above and below zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsr.index.parts.late.record import code_bytes

Floats = npt.NDArray[np.float32]

_LARGEST = {8: 127, 4: 7}
# With few levels, a scale that clips a vector's largest numbers can leave a smaller total error than one that does not:
# shares of the latter to try.
_SHARES = tuple(np.float32(share) for share in (0.9, 0.8, 0.7, 0.6, 0.5))
_QUERY_LARGEST = 32_767


def quantise(vectors: Floats, bits: int) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Quantise vectors; return codes (uint8 [n, bytes of a vector]) and scales (float32 [n]).

    Codes are laid out as `lsr.index.parts.late.kernel` reads them. With 8 bits a number is off by at most half of
    1/127 of its vector's largest. With 4 bits the scale is the one, of a few, with the least squared error.
    """
    largest = _LARGEST[bits]
    whole = np.abs(vectors).max(1, initial=0) / np.float32(largest)
    steps = vectors / _divisors(whole)
    shares = np.ones(len(vectors), np.float32)
    codes = np.clip(np.rint(steps), -largest, largest).astype(np.int8)
    if bits == 4:
        least = _squared_errors(steps, codes, np.float32(1))
        for share in _SHARES:
            tried = np.clip(np.rint(steps / share), -largest, largest).astype(np.int8)
            errors = _squared_errors(steps, tried, share)
            better = errors < least
            least[better], shares[better], codes[better] = errors[better], share, tried[better]
    return (codes.view(np.uint8) if bits == 8 else _pack(codes)), whole * shares


def dequantise(codes: npt.NDArray[np.uint8], scales: Floats, dim: int, bits: int) -> Floats:
    """The vectors that codes and scales stand for: float32 [n, dim]."""
    numbers = codes.view(np.int8) if bits == 8 else _unpack(codes)[:, :dim]
    return numbers.astype(np.float32) * scales[:, None]


def quantise_query(vectors: Floats, bits: int) -> tuple[npt.NDArray[np.int16], Floats]:
    """A query's codes (int16 [m, numbers of an unpacked vector]) and scales (float32 [m]).

    Sixteen bits, or a little less for vectors of more than 516 numbers, whose products' sum must stay within 32 bits.
    """
    width = vectors.shape[1] if bits == 8 else 2 * code_bytes(vectors.shape[1], bits)
    largest = min(_QUERY_LARGEST, (2**31 - 1) // (_LARGEST[8] * width))
    scales = np.abs(vectors).max(1, initial=0) / np.float32(largest)
    codes = np.zeros((len(vectors), width), np.int16)
    codes[:, : vectors.shape[1]] = np.rint(vectors / _divisors(scales))
    return codes, scales


def _divisors(scales: Floats) -> Floats:
    """float32 [n, 1]: the scales, with 1 for that of a vector of zeros."""
    divisors = scales[:, None].copy()
    divisors[divisors == 0] = 1
    return divisors


def _squared_errors(steps: Floats, codes: npt.NDArray[np.int8], share: np.float32) -> Floats:
    return ((steps - codes * share) ** 2).sum(1)


def _pack(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Pack two codes into a byte, those of numbers d and half + d."""
    half = code_bytes(codes.shape[1], 4)
    raised = np.full((len(codes), 2 * half), 8, np.uint8)
    raised[:, : codes.shape[1]] += codes.view(np.uint8)
    return raised[:, :half] | (raised[:, half:] << 4).astype(np.uint8)


def _unpack(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    return np.concatenate([packed & 15, packed >> 4], axis=1).view(np.int8) - 8
