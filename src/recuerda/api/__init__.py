"""The HTTP API, v1: thin, with no rules of its own."""
