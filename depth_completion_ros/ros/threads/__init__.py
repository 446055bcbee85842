"""Threads that work on messages while callbacks go on."""
