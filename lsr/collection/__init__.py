"""Collections: documents that come and go, encoded, logged and searched."""
