"""Penalties on term weights, which keep vectors sparse, one per file with its own parameters.

`lsr.training.penalties.registry.PENALTIES` lists them: a new one is a file here and a line there.

Two things are published as "IDF-aware FLOPS", and they are not the same: see `lsr.training.penalties.idf_matching` and
`lsr.training.penalties.flops_idf_inverse`.
"""
