"""Data that is not on this machine: fetched to a cache, and read from there."""
