"""Late interaction: the documents' token vectors, quantised, and MaxSim over them. Never imports torch."""
