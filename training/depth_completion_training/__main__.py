"""`python -m depth_completion_training fit --config RECIPE` trains a network."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
