"""Readers of files fed with damaged and hostile ones: `python benchmarks/fuzz` runs them, `registry.py` names them."""
