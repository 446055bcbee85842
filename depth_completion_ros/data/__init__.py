"""Data sets and bags as readers of `Frame`."""

from .reader import FORMATS, IndexedReader, NoFrame, Reader, open_reader

__all__ = ["FORMATS", "IndexedReader", "NoFrame", "Reader", "open_reader"]
