"""The model in training: document and query towers, adapters, the projection to the vocabulary."""
