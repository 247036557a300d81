"""Under fault: the first opening of a workspace, which makes database, folders and format mark."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.errors import RopewayError
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import LocalWorkspace


class OpenFirst:
    """A new project a call, opened for the first time."""

    name = "first opening"
    repeats = True
    limit = 20

    def prepare(self, root: Path) -> None:
        make_workspace(root).close()

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        def act(token: str) -> object:
            make_workspace(workspace.root.parent / "new" / token).close()
            return token

        yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems = []
        acknowledged = story.acknowledged()
        for token in story.begun()[-self.limit :]:
            folder = workspace.root.parent / "new" / token
            if token in acknowledged and not (folder / ".ropeway" / "ledger.db").exists():
                problems.append(f"{token}: no database")
                continue
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "ropeway.toml").write_text(MINIMAL_PROJECT, encoding="utf-8")
            try:
                with LocalWorkspace(folder, actor="ana") as opened, opened.ledger.transaction():
                    pass
            except RopewayError as error:
                problems.append(f"{token}: {error}")
        return problems
