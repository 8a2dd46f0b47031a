"""The collections that a server has: finding, opening, making and removing them, and long work on them."""
