"""Reading back and checking what was exported: for exports.py."""
