"""The segment in memory: documents that were written since the last one on disk, in the order in which they came.

`segment.py` takes writes, `state.py` is what a search sees of it, `chunks.py` finds the documents that may be the best,
and the forward index alone, as everywhere, says what their scores are.
"""
