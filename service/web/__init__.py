"""The page at `/`: files for a browser, and the routes that serve them."""
