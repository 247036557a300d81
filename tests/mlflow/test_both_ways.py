"""What the client of MLflow logs is ours, what is ours its client sees; the guard; one real client."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.server.conftest import Server

from ropeway.models.operations import list_models
from ropeway.tracking.operations import get_run, search_runs
from ropeway.tracking.start import start_run

CLIENT = Path(__file__).parents[2] / "build" / "clients" / "mlflow3" / "bin" / "python"
API = "/api/2.0/mlflow/"


def call(server: Server, path: str, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.client.post(API + path, json=given).json()
    return found


def test_a_run_logged_from_afar_is_a_run(mlflow_server: Server) -> None:
    run = call(mlflow_server, "runs/create", experiment_id="0", run_name="afar", start_time=1)["run"]["info"][
        "run_id"
    ]
    metric = {"key": "f1", "value": 0.7, "timestamp": 1, "step": 3}
    call(mlflow_server, "runs/log-batch", run_id=run, metrics=[metric], params=[{"key": "c", "value": "1"}])
    call(mlflow_server, "runs/update", run_id=run, status="FINISHED", end_time=9)
    found = get_run(mlflow_server.workspace, run=f"run_{run}")
    assert (found.name, found.kind, found.params, found.metrics) == (
        "afar",
        "mlflow",
        {"c": "1"},
        {"f1": 0.7},
    )
    assert found.id in [each.id for each in search_runs(mlflow_server.workspace, where="metrics.f1 > 0.6")]


def test_a_run_of_ours_is_seen_by_its_client(mlflow_server: Server) -> None:
    with start_run(mlflow_server.workspace, name="ours", params={"c": 2}) as run:
        run.log(1, loss=0.5)
        run.artifact("a/b.txt", "x")
    found = call(mlflow_server, "runs/search", experiment_ids=["0"], filter="run_name = 'ours'")["runs"]
    assert [each["info"]["status"] for each in found] == ["FINISHED"]
    assert found[0]["data"]["metrics"][0]["value"] == 0.5
    files = mlflow_server.client.get(
        f"{API}artifacts/list", params={"run_id": found[0]["info"]["run_id"]}
    ).json()
    assert files["files"] == [{"path": "a", "is_dir": True}]


def test_an_alias_that_is_an_environment_is_guarded(mlflow_server: Server) -> None:
    call(mlflow_server, "registered-models/create", name="churn")
    call(mlflow_server, "model-versions/create", name="churn", source="s3://bucket/x")
    alias = {"name": "churn", "alias": "production", "version": "1"}
    refused = mlflow_server.client.post(f"{API}registered-models/alias", json=alias)
    assert (refused.status_code, refused.json()["error_code"]) == (409, "INVALID_STATE")
    assert "candidate" in refused.json()["message"]
    assert call(mlflow_server, "registered-models/alias", name="churn", alias="champion", version="1") == {}
    assert [(each.ref, each.state, each.format) for each in list_models(mlflow_server.workspace)] == [
        ("churn@1", "candidate", "mlflow")
    ]


SCRIPT = """
import mlflow, sys
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
mlflow.set_experiment("study")
with mlflow.start_run(run_name="parent") as parent:
    mlflow.log_params({"c": 0.1})
    mlflow.log_metric("loss", float("nan"), step=1)
    mlflow.log_metric("loss", 0.5, step=2)
    mlflow.log_dict({"a": 1}, "deep/a.json")
    mlflow.log_text("hello", "t <b>.txt")
    with mlflow.start_run(nested=True):
        mlflow.set_tag("team", "a")
run = client.get_run(parent.info.run_id)
assert (run.info.status, run.data.params, run.data.metrics["loss"]) == ("FINISHED", {"c": "0.1"}, 0.5)
assert mlflow.artifacts.load_dict(run.info.artifact_uri + "/deep/a.json") == {"a": 1}
assert mlflow.artifacts.load_text(run.info.artifact_uri + "/t <b>.txt") == "hello"
within = "tags.mlflow.parentRunId = '%s'" % run.info.run_id
assert len(client.search_runs([run.info.experiment_id], within)) == 1
assert [each.step for each in client.get_metric_history(run.info.run_id, "loss")] == [1, 2]
client.create_registered_model("clf")
version = client.create_model_version("clf", run.info.artifact_uri + "/deep", run.info.run_id)
client.set_registered_model_alias("clf", "champion", version.version)
assert client.get_model_version_by_alias("clf", "champion").run_id == run.info.run_id
assert [each.name for each in client.search_registered_models("name LIKE 'cl%'")] == ["clf"]
try:
    client.log_param(run.info.run_id, "c", 7)
except mlflow.MlflowException as error:
    assert error.error_code == "INVALID_PARAMETER_VALUE"
"""


@pytest.mark.skipif(not CLIENT.exists(), reason="no MLflow client: make build/clients/mlflow3/.made")
def test_a_script_of_the_real_client_runs(mlflow_server: Server) -> None:
    done = subprocess.run(
        [CLIENT, "-c", SCRIPT, mlflow_server.url], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
