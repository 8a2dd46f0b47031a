"""Cross-encoders: query and text read together."""
