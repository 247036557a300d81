"""Under fault: objects put into the store in each of its forms, and removed again."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import Damaged
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

LARGEST = 200_000
LARGE = 9_000_000
"""Over the length from which an object is kept in chunks."""


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
        return problems + _unsound(workspace)


class PutFolders:
    """A folder of small files, some of them those of the call before, and now and then a large one."""

    name = "store.put_folder"
    repeats = True
    limit = 60

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        folder = workspace.root / "files"

        def act(token: str) -> object:
            (folder / "deep").mkdir(parents=True, exist_ok=True)
            chance = random.Random(token)
            for number in range(6):
                (folder / "deep" / f"{chance.randrange(20)}").write_bytes(chance.randbytes(number * 1_000))
            if chance.random() < 0.3:
                (folder / "large").write_bytes(token.encode() + random.Random(1).randbytes(LARGE))
            return workspace.store.put_folder(folder)

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        for token, tree in story.acknowledged().items():
            try:
                for digest in workspace.store.read_tree(Digest(tree)).values():
                    workspace.store.open_path(digest)
            except Damaged as error:
                problems.append(f"folder of {token}: {error}")
        return problems + _unsound(workspace)


class RemoveObjects:
    """Objects put, loose, packed and in chunks; those of the call before removed; the rest must stay."""

    name = "store.remove"
    repeats = False
    limit = 60

    def prepare(self, root: Path) -> None:
        with make_workspace(root) as workspace:
            for each in _kept():
                workspace.store.put(each)

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        folder = workspace.root / "files"

        def act(token: str) -> object:
            folder.mkdir(exist_ok=True)
            store = workspace.store
            (folder / "packed").write_bytes(f"packed {token}".encode() * 50)
            tree = store.put_folder(folder)
            large = store.put(_kept()[1] + token.encode())
            kept = {store.put(each) for each in _kept()}
            mine = {tree, large, store.put(token.encode()), *store.read_tree(tree).values()}
            store.remove([digest for digest in store.digests() if digest not in mine | kept])
            return sorted(mine)

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        store, problems = workspace.store, []
        for each in _kept():
            try:
                store.read(digest_bytes(each))
            except Damaged as error:
                problems.append(f"what was never removed: {error}")
        acknowledged = story.acknowledged()
        # A call that was killed may have begun to remove what the one before it had put.
        if acknowledged and story.begun()[-1] in acknowledged:
            last = acknowledged[story.begun()[-1]]
            assert isinstance(last, list)
            problems += [f"{digest} is not there" for digest in last if not store.has(Digest(digest))]
        return problems + _unsound(workspace)


def _kept() -> list[bytes]:
    return [b"kept", random.Random(7).randbytes(LARGE)]


def _unsound(workspace: LocalWorkspace) -> list[str]:
    """What is there under a digest is whole, whether acknowledged or not."""
    found = workspace.store.scrub()
    return [*found.damaged.values(), *found.containers]
