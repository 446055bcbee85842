"""Evaluation of completers on any reader, and the deterministic replay of a bag."""
