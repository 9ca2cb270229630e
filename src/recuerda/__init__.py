"""Recuerda: a chat assistant that remembers each customer."""
