"""The blocks that Block-Max Pruning searches."""
