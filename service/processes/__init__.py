"""Several processes that answer on one port: one more owns the writing and the jobs, and starts the others."""
