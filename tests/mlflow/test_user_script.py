"""A user's script runs unchanged, with the current client of MLflow and with the last of 2.x."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.writers import ledger_at
from tests.postgres import find_program, shared_server
from tests.server.conftest import Server

from ropeway.testing import make_workspace

CLIENTS = Path(__file__).parents[2] / "build" / "clients"
SCRIPT = Path(__file__).with_name("user_script.py")
# No server has to do with it: which packages a model needs is found by loading it in a process of its own.
SETTINGS = {
    "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PATH": os.environ["PATH"],
    "HOME": os.environ["HOME"],
}


@pytest.fixture(scope="module")
def urls(mlflow_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """A server on SQLite, and one on PostgreSQL where there is one."""
    if find_program("postgres") is None:
        yield [mlflow_server.url]
        return
    folder = Path(tmp_path_factory.mktemp("on-postgres"))
    with ledger_at(shared_server().schema()):
        workspace = make_workspace(folder)
    server = Server(workspace)
    yield [mlflow_server.url, server.url]
    server.stop()
    workspace.close()


@pytest.mark.slow
@pytest.mark.parametrize("client", ["mlflow2", "mlflow3"])
def test_a_users_script_runs(urls: list[str], client: str) -> None:
    python = CLIENTS / client / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no MLflow client: make build/clients/{client}/.made")
    done = subprocess.run(
        [python, SCRIPT, *urls], env=SETTINGS, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
