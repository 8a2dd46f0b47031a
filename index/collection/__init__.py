"""Collections that are written to: one writer a folder, segments out of memory, and merges of segments."""
