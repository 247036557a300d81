"""Fixtures that every room's tests share: real workspaces in temporary folders."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.postgres import PostgresServer, find_program

from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import LocalWorkspace

MakeProject = Callable[..., LocalWorkspace]


@pytest.fixture(scope="session", autouse=True)
def user_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys that tests make lie here, and not among those of whoever runs them."""
    folder = tmp_path_factory.mktemp("user")
    os.environ["ROPEWAY_CONFIG"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, with a schema of its own for whoever asks: `postgres.place()`."""
    if find_program("postgres") is None:
        pytest.skip("there is no PostgreSQL here; on Debian: apt-get install postgresql")
    server = PostgresServer()
    yield server
    server.destroy()


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeProject]:
    """A factory: `project(toml, **{"pipeline.py": "…"})` gives an open workspace; closed after the test.

    With `$ROPEWAY_TEST_LEDGER=postgresql` each has its ledger there: so any room's tests can be run on both.
    """
    made: list[LocalWorkspace] = []

    def make(
        toml: str = MINIMAL_PROJECT, *, actor: str = "ana", clock: object = None, **files: str
    ) -> LocalWorkspace:
        if os.environ.get("ROPEWAY_TEST_LEDGER") == "postgresql":
            server: PostgresServer = request.getfixturevalue("postgres")
            toml += f'\n[workspace]\nledger = "{server.schema()}"\n'
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
