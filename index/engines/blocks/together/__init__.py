"""Search of several segments by the bounds of their blocks."""
