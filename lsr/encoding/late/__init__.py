"""Late-interaction encoders: from text to one vector a token."""
