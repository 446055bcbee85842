"""Simulated frames: their files, and the engine that makes them."""
