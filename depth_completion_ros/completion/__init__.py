"""Completers: sparse depth in, dense depth out."""

from .interface import Completer, Completion, Source
from .registry import create_completer, list_completers

__all__ = ["Completer", "Completion", "Source", "create_completer", "list_completers"]
