"""Sparse vectors: in memory, in files, pruned, explained."""

from lsr.vectors.sparse import SparseVectors

__all__ = ["SparseVectors"]
