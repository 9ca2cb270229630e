"""Recuerda: a chat assistant that remembers each customer."""

__version__ = "0.1.0"
