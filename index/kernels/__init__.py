"""Numba kernels over plain arrays, one algorithm a file."""
