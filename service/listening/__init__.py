"""Listening: uvicorn within limits, and where the log goes."""
