"""What `benchmarks/live_peers.py` is made of: the engines, the job that they are given, and the kills."""
