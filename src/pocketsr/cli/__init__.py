"""The command line: one file a verb."""

from pocketsr.cli.main import main

__all__ = ["main"]
