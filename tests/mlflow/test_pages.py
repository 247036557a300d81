"""What MLflow's pages and older clients ask: curves of many runs, files by other addresses, in parts."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.mlflow.test_both_ways import CLIENT
from tests.server.conftest import Server

from ropeway.server.mlflow.artifacts import Place
from ropeway.server.mlflow.errors import Refusal
from ropeway.server.mlflow.uploads import begin, take_part
from ropeway.server.upkeep import Upkeep
from ropeway.workspace import LocalWorkspace

AJAX = "/ajax-api/2.0/mlflow/"
FILES = "/api/2.0/mlflow-artifacts/"


def post(server: Server, path: str, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.client.post(AJAX + path, json=given).json()
    return found


def run_with(server: Server, *points: tuple[float, int, int]) -> str:
    run: str = post(server, "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    metrics = [{"key": "m", "value": value, "timestamp": at, "step": step} for value, at, step in points]
    post(server, "runs/log-batch", run_id=run, metrics=metrics)
    return run


def test_points_of_many_runs_come_by_run_and_time(mlflow_server: Server) -> None:
    first = run_with(mlflow_server, (2, 2, 1), (float(1), 1, 5))
    second = run_with(mlflow_server, (3, 1, 0))
    asked = {"run_id": [second, first, "0" * 32], "metric_key": "m"}
    told = mlflow_server.client.get(f"{AJAX}metrics/get-history-bulk", params=asked).json()["metrics"]
    by_run = {run: [point["value"] for point in told if point["run_id"] == run] for run in (first, second)}
    assert by_run == {first: [1, 2], second: [3]}
    assert [point["run_id"] for point in told] == sorted([first, first, second])


def test_a_sample_of_points_is_even_and_has_both_ends(mlflow_server: Server) -> None:
    run = run_with(mlflow_server, *((float(step), 1, step) for step in range(10)))
    path = f"{AJAX}metrics/get-history-bulk-interval"
    asked: dict[str, Any] = {"run_ids": [run], "metric_key": "m", "max_results": 4}
    told = mlflow_server.client.get(path, params=asked).json()["metrics"]
    assert [point["step"] for point in told] == [0, 3, 6, 9]
    told = mlflow_server.client.get(path, params={**asked, "start_step": 2, "end_step": 4}).json()["metrics"]
    assert [point["step"] for point in told] == [2, 3, 4]
    unsound = mlflow_server.client.get(path, params={**asked, "start_step": 2})
    assert (unsound.status_code, unsound.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_data_sets_of_an_experiment_are_found_with_the_slash_and_without(mlflow_server: Server) -> None:
    run = run_with(mlflow_server)
    dataset = {"name": "d", "digest": "1", "source_type": "s", "source": "{}"}
    use = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    post(mlflow_server, "runs/log-inputs", run_id=run, datasets=[use])
    for path in ("/api/2.0mlflow/experiments/search-datasets", f"{AJAX}experiments/search-datasets"):
        told = mlflow_server.client.post(path, json={"experiment_ids": ["0"]}).json()
        assert told == {
            "dataset_summaries": [{"experiment_id": "0", "name": "d", "digest": "1", "context": "train"}]
        }


def test_a_file_is_had_by_every_address_as_an_attachment(mlflow_server: Server) -> None:
    run, client = run_with(mlflow_server), mlflow_server.client
    asked = {"run_uuid": run, "path": "a/page.html"}
    assert client.post(f"{AJAX}upload-artifact", params=asked, content=b"<script>").status_code == 200
    post(mlflow_server, "registered-models/create", name="files")
    post(mlflow_server, "model-versions/create", name="files", source=f"runs:/{run}/a")
    of_version = {"name": "files", "version": "1", "path": "page.html"}
    for path, params in (("/get-artifact", asked), ("/model-versions/get-artifact", of_version)):
        reply = client.get(path, params=params)
        assert (reply.status_code, reply.content) == (200, b"<script>"), path
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers["content-disposition"].startswith("attachment;")
        for climb in ("../x", "%2e%2e/x", "/etc/passwd", "C:\\x", "a\x00b"):
            assert client.get(path, params={**params, "path": climb}).status_code == 400, climb


def parts_of(server: Server, name: str, count: int) -> tuple[str, str, dict[str, Any]]:
    run = run_with(server)
    folder = f"0/{run}/artifacts/deep"
    begun = server.client.post(f"{FILES}mpu/create/{folder}", json={"path": name, "num_parts": count}).json()
    return run, folder, begun


def send(server: Server, credential: dict[str, Any], body: bytes) -> dict[str, Any]:
    reply = server.client.put(credential["url"], headers=credential["headers"], content=body)
    assert reply.status_code == 200, reply.text
    return {"part_number": credential["part_number"], "etag": reply.headers["etag"]}


def test_parts_become_one_file_whatever_the_order_in_which_they_come(mlflow_server: Server) -> None:
    run, folder, begun = parts_of(mlflow_server, "/home/ana/big.bin", 3)
    credentials = begun["credentials"]
    send(mlflow_server, credentials[1], b"not this")
    parts = [send(mlflow_server, credentials[place], b"%d" % place * 5) for place in (2, 1, 0)]
    end = {"path": "/home/ana/big.bin", "upload_id": begun["upload_id"], "parts": parts}
    for _ in range(2):  # asked again, it says the same
        assert mlflow_server.client.post(f"{FILES}mpu/complete/{folder}", json=end).status_code == 200
    found = mlflow_server.client.get("/get-artifact", params={"run_id": run, "path": "deep/big.bin"})
    assert found.content == b"000001111122222"


def test_an_upload_is_for_its_file_alone_and_goes_when_it_is_given_up(mlflow_server: Server) -> None:
    _, folder, begun = parts_of(mlflow_server, "x.bin", 2)
    part = send(mlflow_server, begun["credentials"][0], b"1")
    end = {"path": "x.bin", "upload_id": begun["upload_id"], "parts": [part]}
    wrong = [
        {**end, "path": "y.bin"},
        {**end, "parts": [{**part, "etag": "0"}]},
        {**end, "parts": [{**part, "part_number": 2}]},
        {**end, "upload_id": "../../x"},
    ]
    for each in wrong:
        assert mlflow_server.client.post(f"{FILES}mpu/complete/{folder}", json=each).status_code in (400, 404)
    assert mlflow_server.client.post(f"{FILES}mpu/abort/{folder}", json=end).status_code == 200
    gone = mlflow_server.client.put(begun["credentials"][1]["url"], content=b"2")
    assert (gone.status_code, gone.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert not mlflow_server.workspace.home.joinpath("uploads", begun["upload_id"]).exists()


SCRIPT = """
import mlflow, sys, os, pathlib
mlflow.set_tracking_uri(sys.argv[1])
big = pathlib.Path(sys.argv[2]) / "big.bin"
big.write_bytes(os.urandom(6 * 2**20 + 17))
with mlflow.start_run() as run:
    mlflow.log_artifact(str(big), "deep")
got = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="deep/big.bin")
assert pathlib.Path(got).read_bytes() == big.read_bytes()
print("ok")
"""


@pytest.mark.slow
def test_the_client_sends_a_large_file_in_parts(mlflow_server: Server, tmp_path: Path) -> None:
    sizes = {
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * 2**20),
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * 2**20),
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    words = [str(CLIENT), "-c", SCRIPT, mlflow_server.url, str(tmp_path)]
    done = subprocess.run(words, env=sizes, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout.strip()[-2:]) == (0, "ok"), done.stderr[-3000:]
    finished = list(mlflow_server.workspace.home.joinpath("uploads").glob("*/done"))
    assert len(finished) >= 1


def test_what_is_no_upload_is_refused_and_what_was_left_is_swept(mlflow_server: Server) -> None:
    _, folder, begun = parts_of(mlflow_server, "x.bin", 2)
    for wish in ({"path": "x", "num_parts": 0}, {"path": "x", "num_parts": 10_001}, {"path": ".."}, {}):
        refused = mlflow_server.client.post(f"{FILES}mpu/create/{folder}", json=wish)
        assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), wish
    nobodys = f"0/{'0' * 32}/artifacts"
    assert mlflow_server.client.post(f"{FILES}mpu/create/{nobodys}", json={"path": "x"}).status_code == 404
    for number in ("0", "3", "-1", "x", "%2e%2e"):
        url = begun["credentials"][0]["url"].removesuffix("/1") + f"/{number}"
        assert mlflow_server.client.put(url, content=b"1").status_code == 400, number
    left = mlflow_server.workspace.home / "uploads" / begun["upload_id"]
    os.utime(left, (0, 0))
    assert mlflow_server.client.put(begun["credentials"][0]["url"], content=b"1").status_code == 404
    upkeep = Upkeep(mlflow_server.workspace)
    upkeep.look()
    upkeep.close()
    assert not left.exists()
    _, _, begun = parts_of(mlflow_server, "y.bin", 1)
    left = left.with_name(begun["upload_id"])
    os.utime(left, (0, 0))
    parts_of(mlflow_server, "z.bin", 1)
    assert not left.exists()


def test_the_parts_of_an_upload_fill_no_disk(workspace: LocalWorkspace) -> None:
    upload = begin(workspace, Place("a" * 32, "", "x"), 100).upload

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 10}

    async def send_all() -> None:
        for number in range(1, 100):
            await take_part(workspace, upload, str(number), receive, 10)

    with pytest.raises(Refusal, match="more than 160 bytes"):
        asyncio.run(send_all())
    # One may be replaced all the same.
    asyncio.run(take_part(workspace, upload, "17", receive, 11))
