"""Finding the largest of many accumulators without sorting them.

Accumulators come in chunks of CHUNK; the maximum of each chunk shows where to look.
"""

import numpy as np

from lsr.core.jit import kernel
from lsr.index.kernels.integers import larger

CHUNK = 128
BUCKETS = 512
# Accumulators that share a maximum, which shows whether to look at each.
_PART = 16
# So many are sorted faster by insertion than by buckets.
_FEW = 24


@kernel(forceinline=True)
def largest_of(values):
    """The largest of unsigned numbers; 0 of none."""
    maximum = values.dtype.type(0)
    for i in range(values.size):
        maximum = larger(maximum, values[i])
    return maximum


@kernel
def chunk_maxima(accumulators, maxima):
    """Fill maxima ([len(accumulators) / CHUNK], of the same type); return the largest of all."""
    for chunk in range(maxima.size):
        maxima[chunk] = largest_of(accumulators[chunk * CHUNK : (chunk + 1) * CHUNK])
    return np.int64(largest_of(maxima))


@kernel
def _bucket_shift(span):
    """The number of bits by which numbers up to `span` are shifted to lie below BUCKETS."""
    shift = 0
    while span >> shift >= BUCKETS:
        shift += 1
    return shift


@kernel
def threshold(maxima, largest, wanted, histogram):
    """A value, at least 1, that at least `wanted` chunks reach (all that are not zero, if there are fewer).

    largest: the maximum of `maxima`. histogram: int64 [BUCKETS], scratch. As many accumulators reach it, or more.
    """
    shift = _bucket_shift(largest)
    # Few of many chunks are wanted: those of the lower half are counted only if the upper half is not enough.
    floor = largest // 2
    while True:
        histogram[:] = 0
        for maximum in maxima:
            if np.int64(maximum) >= floor:
                histogram[np.int64(maximum) >> shift] += 1
        bucket, count, lowest = BUCKETS, 0, (floor + (1 << shift) - 1) >> shift
        while bucket > lowest and count < wanted:
            bucket -= 1
            count += histogram[bucket]
        if count >= wanted or floor == 0:
            return max(bucket << shift, 1)
        floor = 0


@kernel
def gather(accumulators, maxima, low, high, found, histogram, ordered):
    """Put the positions whose accumulators lie in [low, high) into `ordered`, the largest first; return their number.

    Many are sorted by 512 buckets between low and the largest found. Equal ones, and those of a bucket, ascend.
    low, high: int64, 0 < low < high. found, ordered: uint32 [accumulators], scratch and result; histogram: scratch.
    """
    count = 0
    largest = low
    for chunk in range(maxima.size):
        if np.int64(maxima[chunk]) < low:
            continue
        for part in range(chunk * CHUNK, (chunk + 1) * CHUNK, _PART):
            if np.int64(largest_of(accumulators[part : part + _PART])) < low:
                continue
            for i in range(part, part + _PART):
                value = np.int64(accumulators[i])
                if low <= value < high:
                    found[count] = i
                    count += 1
                    largest = max(largest, value)
    if count <= _FEW:
        for i in range(count):
            position, at = found[i], i
            while at > 0 and accumulators[ordered[at - 1]] < accumulators[position]:
                ordered[at] = ordered[at - 1]
                at -= 1
            ordered[at] = position
        return count
    shift = _bucket_shift(largest - low)
    histogram[:] = 0
    for i in range(count):
        histogram[(np.int64(accumulators[found[i]]) - low) >> shift] += 1
    end = count
    for bucket in range(BUCKETS):
        end -= histogram[bucket]
        histogram[bucket] = end
    for i in range(count):
        bucket = (np.int64(accumulators[found[i]]) - low) >> shift
        ordered[histogram[bucket]] = found[i]
        histogram[bucket] += 1
    return count
