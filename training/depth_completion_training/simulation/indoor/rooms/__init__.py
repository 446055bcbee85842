"""Rooms of every kind, furnished."""
