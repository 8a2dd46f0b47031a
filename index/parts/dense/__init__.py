"""Dense vectors beside the sparse ones: stored by row, searched by faiss."""
