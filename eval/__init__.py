"""Evaluation: collections, runs, metrics, reports."""
