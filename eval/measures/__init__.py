"""Measures of effectiveness, latency and sparsity."""
