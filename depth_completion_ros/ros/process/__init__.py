"""The process of a node: how it starts, runs and ends."""
