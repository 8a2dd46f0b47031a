"""Training objectives, one per file with its own parameters.

`lsr.training.losses.registry.OBJECTIVES` lists them: a new one is a file here and a line there.
"""
