"""Compiled kernels: plain functions over plain arrays, one algorithm a file.

They hold no lock and touch no Python object, so threads run them side by side; each runs on one thread. Array shapes,
dtypes and units are in each docstring. All are decorated with `lsr.core.jit.kernel`, which keeps compiled code in the
user's cache folder until a file that it depends on changes.

A kernel with more than eight arguments is called by their names. Arguments that many kernels take, and that searches of
a segment share, come first, as NamedTuples that the caller splats: `search_blocks(*forward, *summaries, *bounds,
query_terms=…)`. They are listed beside the kernel as KERNEL_GROUPS, and tests/index/kernels/test_kernel_arguments.py
checks both against the kernel's signature.
"""
