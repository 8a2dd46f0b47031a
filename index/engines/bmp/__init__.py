"""Block-Max Pruning (Mallia, Suel and Tonellotto, SIGIR 2024)."""
