"""What encoders share: finding and loading models, tokens, batches, where a model runs."""
