"""Repairing an index: what is damaged is set aside and named, what can be made of the rest is made again."""
