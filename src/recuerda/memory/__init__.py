"""What is remembered and known: customers' histories and the brand's knowledge. Alone imports Chroma."""

from recuerda.memory.knowledge import Knowledge, NewDocument
from recuerda.memory.service import Memories, Recalled
from recuerda.memory.shelf import KnowledgeHit
from recuerda.memory.writing import NewMemory, touch

__all__ = ["Knowledge", "KnowledgeHit", "Memories", "NewDocument", "NewMemory", "Recalled", "touch"]
