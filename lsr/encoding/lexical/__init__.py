"""Words beside word pieces: BM25's own weights of stemmed words, as further terms of a sparse vector."""
