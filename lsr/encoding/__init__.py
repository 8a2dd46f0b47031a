"""The parts of SparseEncoder: folders, tokens, models, the vocabulary projection."""
