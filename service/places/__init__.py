"""What a process of a server does itself, and what it passes on."""
