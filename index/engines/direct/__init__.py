"""Scoring only the rows that a filter allows or a caller names."""
