"""Late-interaction encoders: from text to one vector per token."""
