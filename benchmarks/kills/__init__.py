"""What `benchmarks/killed.py` is made of: commands, the tracer that kills them, and what is compared."""
