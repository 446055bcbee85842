"""Data sets and bags as iterators of `Frame`."""

from .reader import FORMATS, Reader, open_reader

__all__ = ["FORMATS", "Reader", "open_reader"]
