"""What a student is trained for."""
