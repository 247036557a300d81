"""Under fault: collecting what is dead, and backups."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.data.add import add
from ropeway.keeping.backup import back_up, verify_backup
from ropeway.keeping.manifest import list_backups
from ropeway.keeping.operations import gc
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

LONG_AGO_S = 30 * 86_400
KEEP_TWO = '[project]\nname = "trial"\n[retention]\ndataset_versions = 2\n'


class CollectDead:
    """A new version each time, litter beside it, then a collection: the last two versions stay."""

    name = "gc"
    repeats = True
    limit = 100

    def prepare(self, root: Path) -> None:
        make_workspace(root, toml=KEEP_TWO).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            path = workspace.root / f"{token}.csv"
            path.write_text(f"id,said\n1,{token}\n")
            version = add(workspace, path, name="rows").version.version
            litter = workspace.store.put(f"litter {token}".encode())
            _age_all(workspace)
            gc(workspace)
            return {"version": version, "litter": litter}

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        acknowledged = list(story.acknowledged().values())
        problems += [
            f"litter was left: {answer['litter']}"
            for answer in acknowledged
            if workspace.store.has(Digest(answer["litter"]))
        ]
        for answer in acknowledged[-1:]:
            try:
                workspace.store.read(Digest(answer["version"]))
            except Damaged as error:
                problems.append(f"a kept version: {error}")
        return problems


class MakeBackups:
    """A new version each time, then a backup: what was acknowledged is there and whole."""

    name = "backup"
    repeats = True
    limit = 50

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        place = workspace.root.parent / "backups"

        def act(token: str) -> object:
            path = workspace.root / f"{token}.csv"
            path.write_text(f"id,said\n1,{token}\n")
            version = add(workspace, path, name="rows").version.version
            return {"version": version, "backup": back_up(workspace, place).backup}

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        place = workspace.root.parent / "backups"
        acknowledged = [answer["backup"] for answer in story.acknowledged().values()]
        if not acknowledged:
            return []
        there = [each.backup for each in list_backups(place)]
        problems = [f"{name} is not there" for name in acknowledged if name not in there]
        try:
            verify_backup(place, "latest")
        except Damaged as error:
            problems.append(f"the newest backup: {error}")
        return problems


def _age_all(workspace: LocalWorkspace) -> None:
    """As if everything so far had been brought long ago."""
    long_ago = time.time() - LONG_AGO_S
    for digest in workspace.store.digests():
        path = workspace.home / "objects" / digest[:2] / digest[2:]
        if path.exists():
            os.utime(path, (long_ago, long_ago))
