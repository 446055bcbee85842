"""Sparse depth drawn from frames whose depth is known."""
