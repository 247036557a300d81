"""Under fault: the upgrade of a ledger from the oldest released format, which copies it first."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.keeping.audit.operations import verify_history
from ropeway.ledger.journal import FORMAT, get_meta
from ropeway.ledger.tree import size_of
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import LocalWorkspace

OLDEST = Path(__file__).parents[2] / "golden" / "format-1" / "ledger.db"
COPIES = "ledger-format-1-*.db"


class UpgradeOldest:
    """A copy of the golden ledger of format 1 a call, opened by this release."""

    name = "upgrade"
    repeats = True
    limit = 3

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()
        # Its events stand once in this one too, so that their number is known beforehand.
        with LocalWorkspace(_lay(root.parent / "whole"), actor="ana") as whole:
            (root / "events").write_text(str(_size(whole)))

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            folder = workspace.root.parent / "old" / token
            if not folder.exists():
                _lay(folder)
            with LocalWorkspace(folder, actor="ana") as upgraded:
                return _size(upgraded)

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        expected = int((workspace.root / "events").read_text())
        acknowledged = story.acknowledged()
        for token in story.begun()[-self.limit :]:
            folder = workspace.root.parent / "old" / token
            if not folder.exists():
                problems += [f"{token}: acknowledged, and not there"] if token in acknowledged else []
                continue
            try:
                with LocalWorkspace(folder, actor="ana") as opened:
                    problems += [f"{token}: {each}" for each in _wrong(opened, expected)]
            except RopewayError as error:
                problems.append(f"{token}: {error}")
            if not list((folder / ".ropeway").rglob(COPIES)):
                problems.append(f"{token}: no copy of the old one was kept")
        return problems


def _lay(folder: Path) -> Path:
    """A project with the old ledger, whole or not there: what is upgraded was durable before."""
    making = folder.with_name(f".{folder.name}")
    shutil.rmtree(making, ignore_errors=True)
    (making / ".ropeway").mkdir(parents=True)
    (making / "ropeway.toml").write_text(MINIMAL_PROJECT, encoding="utf-8")
    shutil.copyfile(OLDEST, making / ".ropeway" / "ledger.db")
    for path in (making / "ropeway.toml", making / ".ropeway" / "ledger.db", making / ".ropeway", making):
        _sync(path)
    making.rename(folder)
    _sync(folder.parent)
    return folder


def _wrong(opened: LocalWorkspace, expected: int) -> list[str]:
    with opened.ledger.reading() as connection:
        found = [] if get_meta(connection, "format") == str(FORMAT) else ["it is of another format"]
    if _size(opened) != expected:
        found.append(f"{_size(opened)} events of {expected}")
    return found + [finding.what for finding in verify_history(opened).findings]


def _size(opened: LocalWorkspace) -> int:
    with opened.ledger.reading() as connection:
        return size_of(connection)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
