"""Fixtures that every room's tests share: real workspaces in temporary folders."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import LocalWorkspace

MakeProject = Callable[..., LocalWorkspace]


@pytest.fixture(scope="session", autouse=True)
def user_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys that tests make lie here, and not among those of whoever runs them."""
    folder = tmp_path_factory.mktemp("user")
    os.environ["ROPEWAY_CONFIG"] = str(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[MakeProject]:
    """A factory: `project(toml, **{"pipeline.py": "…"})` gives an open workspace; closed after the test."""
    made: list[LocalWorkspace] = []

    def make(
        toml: str = MINIMAL_PROJECT, *, actor: str = "ana", clock: object = None, **files: str
    ) -> LocalWorkspace:
        workspace = make_workspace(
            tmp_path / f"project{len(made) or ''}", toml=toml, files=files, actor=actor, clock=clock
        )
        made.append(workspace)
        return workspace

    yield make
    for workspace in made:
        workspace.close()


@pytest.fixture
def workspace(project: MakeProject) -> LocalWorkspace:
    """An empty project's workspace, as `ana`."""
    return project()
