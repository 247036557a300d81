"""How much may be said: what is within MLflow's limits is kept on any database, what is over them refused."""

import random
from typing import Any

import httpx
import pytest
from tests.server.conftest import Server

API = "/api/2.0/mlflow/"
NOISE = "".join(random.Random(7).choices([chr(number) for number in range(0x4E00, 0x9FFF)], k=8_000))
"""Text that nothing makes shorter, of three bytes a character."""


def ask(server: Server, path: str, **fields: Any) -> httpx.Response:
    return server.client.post(API + path, json=fields)


@pytest.fixture(scope="module")
def run(mlflow_server: Server) -> str:
    made: str = ask(mlflow_server, "runs/create", experiment_id="0").json()["run"]["info"]["run_id"]
    return made


def test_the_longest_param_and_tag_are_kept_and_found(mlflow_server: Server, run: str) -> None:
    param, tag = {"key": "p", "value": NOISE[:6_000]}, {"key": "t", "value": NOISE}
    assert ask(mlflow_server, "runs/log-batch", run_id=run, params=[param], tags=[tag]).json() == {}
    where = f"params.p = '{NOISE[:6_000]}' AND tags.t LIKE '{NOISE[:10]}%'"
    found = ask(mlflow_server, "runs/search", experiment_ids=["0"], filter=where).json()
    assert [each["info"]["run_id"] for each in found["runs"]] == [run]


def test_health_is_told_while_points_wait_for_the_database(mlflow_server: Server, run: str) -> None:
    """Once, it waited with them, and who watched the server took it for dead."""
    with mlflow_server.workspace.ledger.transaction():
        ask(mlflow_server, "runs/log-metric", run_id=run, key="m", value=1, timestamp=1).raise_for_status()
        assert mlflow_server.client.get("/health", timeout=5).status_code == 200


@pytest.mark.parametrize("way", ["theirs", "ours"])
def test_a_run_that_was_just_deleted_takes_no_more_points(mlflow_server: Server, way: str) -> None:
    """Once, only a deletion through MLflow's routes was heard of at once."""
    mine = ask(mlflow_server, "runs/create", experiment_id="0").json()["run"]["info"]["run_id"]
    point = {"run_id": mine, "key": "m", "value": 1, "timestamp": 1}
    assert ask(mlflow_server, "runs/log-metric", **point).json() == {}
    if way == "theirs":
        ask(mlflow_server, "runs/delete", run_id=mine)
    else:
        mlflow_server.call("runs.change", run=mine, lifecycle="deleted").raise_for_status()
    assert ask(mlflow_server, "runs/log-metric", **point).status_code == 400


def test_names_and_keys_of_any_length_are_refused(mlflow_server: Server, run: str) -> None:
    tag = [{"key": "k" * 300, "value": "x"}]
    link, metric = {"model_id": NOISE}, {"key": "m", "value": 1, "timestamp": 1, "dataset_name": NOISE}
    told = [
        ask(mlflow_server, "runs/create", experiment_id="0", run_name=NOISE),
        ask(mlflow_server, "runs/create", experiment_id="0", tags=tag),
        ask(mlflow_server, "runs/update", run_id=run, run_name=NOISE),
        ask(mlflow_server, "runs/set-tag", run_id=run, key="mlflow.runName", value=NOISE),
        ask(mlflow_server, "runs/outputs", run_id=run, models=[link]),
        ask(mlflow_server, "runs/log-batch", run_id=run, metrics=[metric]),
        ask(mlflow_server, "logged-models", experiment_id="0", tags=tag),
    ]
    assert [(each.status_code, each.json()["error_code"]) for each in told] == [
        (400, "INVALID_PARAMETER_VALUE")
    ] * len(told)


def test_a_time_beyond_all_numbers_is_later_than_all(mlflow_server: Server, run: str) -> None:
    for where, count in (("start_time > 1e999", 0), ("start_time < 1e999", 1)):
        found = ask(mlflow_server, "runs/search", experiment_ids=["0"], filter=where).json()
        assert len(found.get("runs", [])) == count


@pytest.mark.parametrize("said", ["1", "null", "[]", "x", "[" * 50_000, '{"run_id": "x"}'])
def test_a_model_that_is_none_is_refused(mlflow_server: Server, run: str, said: str) -> None:
    told = ask(mlflow_server, "runs/log-model", run_id=run, model_json=said)
    assert (told.status_code, told.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_model_that_is_told_twice_is_one_whatever_stood_there(mlflow_server: Server, run: str) -> None:
    history = "mlflow.log-model.history"
    ask(mlflow_server, "runs/set-tag", run_id=run, key=history, value="no JSON")
    model = '{"run_id": "r", "artifact_path": "m", "utc_time_created": "now", "flavors": {}}'
    for _ in range(2):
        assert ask(mlflow_server, "runs/log-model", run_id=run, model_json=model).json() == {}
    tags = mlflow_server.client.get(f"{API}runs/get", params={"run_id": run}).json()["run"]["data"]["tags"]
    assert [each["value"] for each in tags if each["key"] == history] == [f"[{model}]"]


def test_another_method_of_a_route_is_told_with_those_it_has(mlflow_server: Server) -> None:
    told = mlflow_server.client.request("PUT", f"{API}runs/create")
    assert (told.status_code, told.headers["allow"], told.json()["error_code"]) == (
        405,
        "POST",
        "ENDPOINT_NOT_FOUND",
    )
