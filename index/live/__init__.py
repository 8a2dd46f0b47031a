"""An opened index: a snapshot of its segments, and checking it."""
