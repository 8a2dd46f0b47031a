"""Scoring only the rows that a filter allows, or that a caller names."""
