"""The command line: `reactkd`."""

from .main import main

__all__ = ["main"]
