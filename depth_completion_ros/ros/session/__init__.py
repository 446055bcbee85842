"""Plays data through a completion node, and says and shows how it went."""
