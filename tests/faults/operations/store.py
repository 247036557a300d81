"""Under fault: objects and a tree put into the store."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

LARGEST = 200_000


class PutObjects:
    """One object of random size, then a tree that names it."""

    name = "store.put"
    repeats = True
    limit = 500

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            chance = random.Random(token)
            blob = workspace.store.put(chance.randbytes(chance.randrange(1, LARGEST)))
            return workspace.store.put_tree({f"{token}.bin": blob})

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        for token, tree in story.acknowledged().items():
            try:
                for blob in workspace.store.read_tree(Digest(tree)).values():
                    workspace.store.read(blob)
            except Damaged as error:
                problems.append(f"object of {token}: {error}")
        # What is there under a digest is whole, whether acknowledged or not.
        for digest in workspace.store.digests():
            try:
                workspace.store.read(digest)
            except Damaged as error:
                problems.append(f"object {digest}: {error}")
        return problems
