"""Losses: modules that turn a prediction and its batch into scalars by name, of which `loss` is minimised."""
