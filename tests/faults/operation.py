"""What an operation under fault is: how to prepare, do and hold to account one kind of real work."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Protocol

from tests.faults.story import Story

from ropeway.workspace import LocalWorkspace

Act = Callable[[str], object]
"""Does the work once, under a token that no other call has; what it returns is its acknowledgement."""


class FaultOperation(Protocol):
    """One kind of work. Objects are made anew in parent and child: they hold nothing between them."""

    name: ClassVar[str]
    repeats: ClassVar[bool]
    """Whether doing it twice under one token must be the same as doing it once."""

    limit: ClassVar[int]
    """How many calls a child makes at most before it ends by itself."""

    def prepare(self, root: Path) -> None:
        """Make the project, once, before the first kill."""
        ...

    def working(self, workspace: LocalWorkspace) -> AbstractContextManager[Act]:
        """Get ready; gives what does the work."""
        ...

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        """Everything acknowledged that is not there exactly once, and everything that is there by half."""
        ...
