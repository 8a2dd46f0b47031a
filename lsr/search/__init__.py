"""Text in, ranked documents out: the plan of a search, its encoders, the retriever, the answer."""
