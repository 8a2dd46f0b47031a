"""Evaluating a system on a test collection."""
