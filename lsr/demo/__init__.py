"""The demo: a corpus available on every machine, and judged questions about it."""
