"""Completion that is steady over time."""
