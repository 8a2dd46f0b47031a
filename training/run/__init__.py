"""A training run: its folder, batches, steps, log and refreshed negatives."""
