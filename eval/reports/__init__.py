"""What was measured, as JSON, Markdown and pictures."""
