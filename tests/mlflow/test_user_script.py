"""A user's script runs unchanged, with the current client of MLflow and with the last of 2.x."""

import subprocess
from pathlib import Path

import pytest
from tests.server.conftest import Server

CLIENTS = Path(__file__).parents[2] / "build" / "clients"
SCRIPT = Path(__file__).with_name("user_script.py")


@pytest.mark.slow
@pytest.mark.parametrize("client", ["mlflow2", "mlflow3"])
def test_a_users_script_runs(mlflow_server: Server, client: str) -> None:
    python = CLIENTS / client / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no MLflow client: make build/clients/{client}/.made")
    done = subprocess.run(
        [python, SCRIPT, mlflow_server.url], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
