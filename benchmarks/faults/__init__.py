"""What `benchmarks/live_faults.py` is made of: calls that fail, operations of collections, and what each must leave."""
