"""Fixtures that every room's tests share: real workspaces in temporary folders."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from tests import on_postgres
from tests.postgres import PostgresServer, find_program, shared_server

from ropeway.testing import MINIMAL_PROJECT
from ropeway.workspace import LocalWorkspace

on_postgres.install()
# Nothing here is held to a time: a machine may be busy with something else.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

MakeProject = Callable[..., LocalWorkspace]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ledger", choices=["sqlite", "postgresql"], help="where the projects' ledgers are")


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--ledger")
    # By the environment, so that the workers of a parallel run know it too.
    if asked is not None:
        os.environ[on_postgres.VARIABLE] = asked
    if on_postgres.is_asked_for():
        on_postgres.expect_open_ends(config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if on_postgres.is_asked_for():
        on_postgres.leave_out(config, items)


def pytest_sessionfinish() -> None:
    if shared_server.cache_info().currsize:
        shared_server().destroy()
        shared_server.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def user_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys that tests make lie here, and not among those of whoever runs them."""
    folder = tmp_path_factory.mktemp("user")
    os.environ["ROPEWAY_CONFIG"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    """A real PostgreSQL, with a schema of its own for whoever asks: `postgres.place()`."""
    if find_program("postgres") is None:
        pytest.skip("there is no PostgreSQL here; on Debian: apt-get install postgresql")
    return shared_server()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[MakeProject]:
    """A factory: `project(toml, **{"pipeline.py": "…"})` gives an open workspace; closed after the test.

    With `--ledger postgresql` each has its ledger there: so any room's tests can be run on both.
    """
    made: list[LocalWorkspace] = []

    def make(
        toml: str = MINIMAL_PROJECT, *, actor: str = "ana", clock: object = None, **files: str
    ) -> LocalWorkspace:
        workspace = on_postgres.make_workspace(
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
