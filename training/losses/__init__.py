"""What a student is trained for: objectives, one a file with its own parameters.

`lsr.training.losses.registry.OBJECTIVES` lists them: a new one is a file here and a line there.
"""
