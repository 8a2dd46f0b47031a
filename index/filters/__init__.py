"""Filters: which rows of an index may be returned."""
