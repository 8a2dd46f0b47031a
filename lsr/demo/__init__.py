"""The demo: a corpus that every machine has, and judged questions about it."""
