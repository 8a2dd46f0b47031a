"""Compiled kernels: plain functions over plain arrays, one algorithm a file.

They hold no lock and touch no Python object, so threads run them side by side; each runs on one thread. Array shapes,
dtypes and units stand in each docstring. Numba's cache on disk watches only the file of the outermost function: after
changing a function that another file's kernel calls, remove `index/kernels/__pycache__`.
"""
