"""Seismic (Bruch, Nardini, Rulli and Venturini, SIGIR 2024)."""
