"""The index: building, opening, searching."""
