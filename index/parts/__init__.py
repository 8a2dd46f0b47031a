"""What a segment is made of: one part a file or folder."""
