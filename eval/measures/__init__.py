"""Effectiveness, latency and sparsity, measured."""
