"""Training of sparse encoders: data, teachers, negatives, objectives, the trainer, recipes.

`lsr.training.run.train` runs a recipe, `lsr.training.adapt.adapt` makes an encoder for a corpus from its text
alone.
"""
