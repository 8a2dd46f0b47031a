"""Cross-encoders, which read query and text together."""
