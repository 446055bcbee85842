"""Patterns, drawn once per world, that make surfaces look unlike each other."""
