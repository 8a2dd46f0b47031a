"""Rare terms, which share columns."""
