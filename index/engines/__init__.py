"""The ways to search a segment, one folder each, and what they have in common."""
