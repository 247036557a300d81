"""The story's operations, by name: `story.why` and `story.status`."""

from ropeway.story.status import status
from ropeway.story.why import why

__all__ = ["status", "why"]
