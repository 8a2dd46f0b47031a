"""The blocks that Seismic searches."""
