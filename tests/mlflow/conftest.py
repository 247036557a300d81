"""A real server for MLflow's client, one for the tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.conftest import Server

from ropeway.testing import MINIMAL_PROJECT, make_workspace

ALLOWED = 'allow = ["127.0.0.1:9"]'
"""Where the webhooks of `calls` lead: nobody listens there."""


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, toml = Path(tmp_path_factory.mktemp("mlflow")), f"{MINIMAL_PROJECT}[webhooks]\n{ALLOWED}\n"
    with make_workspace(folder, toml=toml) as workspace:
        server = Server(workspace)
        yield server
        server.stop()
