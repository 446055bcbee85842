"""Completers without a network."""
