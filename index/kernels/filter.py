"""Filtering by a bitmap of documents."""

from lsr.core.jit import kernel


@kernel(forceinline=True)
def is_allowed(allow, row):
    """Whether bit `row` of `allow` (uint8, least significant bit first) is set; an empty bitmap allows every row."""
    return allow.size == 0 or (allow[row >> 3] >> (row & 7)) & 1 != 0
