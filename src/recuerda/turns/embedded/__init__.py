"""The embedded engine: understands, chooses, and says it, without a model behind it."""

from recuerda.turns.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
