"""Compiled kernels: plain functions over plain arrays, one algorithm a file.

They hold no lock and touch no Python object, so threads run them side by side; each runs on one thread. Array shapes,
dtypes and units stand in each docstring. All are decorated with `lsr.core.jit.kernel`, which keeps what was
compiled in the user's cache folder until a file that it depends on changes.

One of more than eight arguments is called with their names. What many kernels take, and searches of a segment share,
comes first, as NamedTuples that the caller splats: `search_blocks(*forward, *summaries, *bounds, query_terms=…)`. They
stand beside the kernel as KERNEL_GROUPS, and tests/index/kernels/test_kernel_arguments.py holds both to the kernel's
signature.
"""
