"""A real server for MLflow's client, one for the tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.conftest import Server

from ropeway.testing import make_workspace


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with make_workspace(Path(tmp_path_factory.mktemp("mlflow"))) as workspace:
        server = Server(workspace)
        yield server
        server.stop()
