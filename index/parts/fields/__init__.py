"""Typed fields of documents, as columns that filters read."""
