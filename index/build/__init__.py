"""Building, pruning and exporting an index."""
