"""From text to vectors: sparse, dense and late-interaction encoders, and cross-encoders."""
