"""Networks as they are trained."""
