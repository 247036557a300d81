"""No name of a file leads anywhere else: each is a 400 in MLflow's shape, and nothing is written."""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.server.conftest import Server

FILES = "/api/2.0/mlflow-artifacts/artifacts/"
CLIMBS = [
    "%2e%2e/x", "../x", "a/../../x", "%252e%252e/x", "%25252e%25252e%25252fx", "..%2fx", "/etc/passwd",
    "%2Fetc/passwd", "C:%5Cx", "C:/x", "a%5C..%5Cx", "%5C%5Chost%5Cx", "x%00y", "a%23b", "file:///etc/passwd",
    "a/%0d%0ab", "..;/x",
]  # fmt: skip


def asked(
    server: Server, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """As it is: no client may tidy up the path."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request(method, path, body)
    reply = connection.getresponse()
    found = reply.status, reply.read(), {name.lower(): value for name, value in reply.getheaders()}
    connection.close()
    return found


@pytest.fixture(scope="module")
def home(mlflow_server: Server) -> str:
    run = mlflow_server.client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
    return f"{FILES}0/{run['run']['info']['run_id']}/artifacts/"


@pytest.mark.parametrize("climb", CLIMBS)
def test_a_name_that_leads_elsewhere_is_refused(mlflow_server: Server, home: str, climb: str) -> None:
    before = files_of(mlflow_server)
    for method, start in (("PUT", home), ("PUT", FILES), ("GET", home), ("DELETE", home)):
        status, body, _ = asked(mlflow_server, method, start + climb, b"x" if method == "PUT" else None)
        # A part that is only named oddly is a name like any other, and there is no such file.
        allowed = (200, 400, 404) if climb in ("..;/x", "/etc/passwd", "%2Fetc/passwd") else (400,)
        assert status in allowed, (method, start, body)
        assert b"Traceback" not in body
    assert files_of(mlflow_server) - before == set()


def files_of(server: Server) -> set[Path]:
    """Everything beside the workspace's own folder."""
    root = server.workspace.root.parent
    return {path for path in root.rglob("*") if ".ropeway" not in path.parts}


def test_a_file_leaves_as_an_attachment_that_no_browser_runs(mlflow_server: Server, home: str) -> None:
    assert asked(mlflow_server, "PUT", f"{home}%3Cb%3E.html", b"<script>")[0] == 200
    status, body, headers = asked(mlflow_server, "GET", f"{home}%3Cb%3E.html")
    assert (status, body) == (200, b"<script>")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''%3Cb%3E.html"


def test_a_folder_does_not_take_the_place_of_a_file(mlflow_server: Server, home: str) -> None:
    assert asked(mlflow_server, "PUT", f"{home}one", b"1")[0] == 200
    assert asked(mlflow_server, "PUT", f"{home}one/two", b"2")[0] == 400
