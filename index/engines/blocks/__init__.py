"""Search by the bounds of blocks of neighbouring documents, exact or approximate."""
