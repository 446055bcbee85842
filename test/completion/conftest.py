"""What tests of completers share."""

from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def set_to(completer):
    """The `completer` of a file, a diffusion, with another sampling."""
    kept = completer.sampling

    def change(**changes):
        completer.sampling = replace(kept, **changes)
        return completer

    yield change
    completer.sampling = kept
