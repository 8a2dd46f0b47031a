"""Sparse encoders: from text to term weights."""
