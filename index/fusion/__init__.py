"""Sparse and dense vectors searched together: fusion, feedback, and the search that runs them."""
