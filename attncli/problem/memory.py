"""The memory that work may take; see `attncli.memory`, where files ask for it too."""

from attncli.memory import LITTLE, available_memory, require, size

__all__ = ["LITTLE", "available_memory", "require", "size"]
