"""What keeps input from harming: limits of size, and files that are written whole or not at all."""
