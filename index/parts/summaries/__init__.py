"""The bounds of the blocks of neighbouring documents."""
