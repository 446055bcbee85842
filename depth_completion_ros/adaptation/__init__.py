"""Fits the default network to a robot's own recordings, which no one has annotated."""
