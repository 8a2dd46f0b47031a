"""Exhaustive search: every document is scored. The oracle of all other engines."""
