"""Under fault: files that arrive as versions of a dataset."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_file
from ropeway.data.add import add
from ropeway.data.load import load
from ropeway.data.operations import list_versions
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

ROWS = 200


class AddData:
    """One new version a call; the same file brought again is the same version."""

    name = "data add"
    repeats = True
    limit = 200

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            return add(workspace, _file(workspace.root, token), name="shop").version.version

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        acknowledged = story.acknowledged()
        if not acknowledged:
            return []
        versions = list_versions(workspace, name="shop")
        digests, problems = [version.version for version in versions], []
        for token, digest in acknowledged.items():
            if digests.count(digest) != 1 or digest != digest_file(_file(workspace.root, token)):
                problems.append(f"the file of {token} is there {digests.count(digest)} times")
        if [version.ordinal for version in versions] != list(range(1, len(versions) + 1)):
            problems.append(f"ordinals {[version.ordinal for version in versions]}")
        if len(versions) > len(story.begun()):
            problems.append(f"{len(versions)} versions, {len(story.begun())} brought")
        for version in versions:
            try:
                rows = load(workspace, version).height
            except RopewayError as error:
                problems.append(f"version {version.ordinal}: {error}")
                continue
            if rows != ROWS:
                problems.append(f"version {version.ordinal} has {rows} of {ROWS} rows")
        return problems


def _file(root: Path, token: str) -> Path:
    """The file of a token, outside of the project; the same for the same token."""
    path = root.parent / "incoming" / f"{token}.csv"
    if not path.exists():
        chance = random.Random(token)
        lines = [f"{row},{chance.random():.6f},{token}" for row in range(ROWS)]
        path.parent.mkdir(exist_ok=True)
        # A kill must not leave half of it, which the next try would take for whole.
        half = path.with_suffix(".half")
        half.write_text("\n".join(["id,price,word", *lines]) + "\n", encoding="utf-8")
        come_whole(half, path)
    return path


def come_whole(half: Path, path: Path) -> None:
    """A file takes its place, and is whole there after a power cut too; it may be gone."""
    with half.open("rb") as file:
        os.fsync(file.fileno())
    half.rename(path)
