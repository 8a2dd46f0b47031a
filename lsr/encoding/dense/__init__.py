"""Dense bi-encoders: from text to one vector."""
