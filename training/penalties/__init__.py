"""What keeps vectors sparse."""
