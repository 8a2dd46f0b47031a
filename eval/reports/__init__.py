"""Reports of measurements, as JSON, Markdown and plots."""
