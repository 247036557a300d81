"""A tracking server that says anything: what has no end there has one here, and none of it a traceback."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.bringing.stores import RUN

from ropeway.bringing import server
from ropeway.bringing.errors import OutOfReach, StoreUnreachable
from ropeway.bringing.server import ServerSource
from ropeway.bringing.told import Owner, ToldFile

OWNER = Owner("run", RUN, "1", f"mlflow-artifacts:/1/{RUN}/artifacts")
PAGED = {"experiments": [{"experiment_id": "1"}], "next_page_token": "again"}
Serve = Callable[[Any], ServerSource]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that gives one answer to everything but the first question."""
    said: list[bytes] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said[-1])

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    made: list[ServerSource] = []

    def answering(told: Any) -> ServerSource:
        said.append(b"{}")
        made.append(ServerSource(f"http://127.0.0.1:{web.server_port}"))
        said.append(told if isinstance(told, bytes) else json.dumps(told).encode())
        return made[-1]

    yield answering
    for each in made:
        each.close()
    web.shutdown()
    web.server_close()


@pytest.mark.parametrize("told", [PAGED, {"next_page_token": "again"}])
def test_pages_that_lead_in_a_circle_are_left(serve: Serve, told: Any) -> None:
    with pytest.raises(StoreUnreachable, match="its pages of experiments lead nowhere"):
        list(serve(told).experiments())


@pytest.mark.parametrize(
    ("told", "why"), [(b"[" * 200_000, "does not answer as MLflow does"), (b" " * 5000, "4,096 bytes")]
)
def test_an_answer_that_is_too_deep_or_too_long_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, told: bytes, why: str
) -> None:
    if "bytes" in why:
        monkeypatch.setattr(server, "LARGEST_ANSWER", 4096)
    with pytest.raises(StoreUnreachable, match=why):
        list(serve(told).experiments())


@pytest.mark.parametrize(
    "files", [7, [7], [{"is_dir": True}], [{"path": "a", "file_size": "many"}], [{"path": "a/.."}]]
)
def test_a_list_of_files_that_is_none_is_left_out(serve: Serve, files: Any) -> None:
    with pytest.raises(OutOfReach):
        serve({"files": files}).files(OWNER)


def test_folders_without_an_end_are_left_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_FILES", 50)
    folders = [{"path": name, "is_dir": True} for name in "abc"]
    with pytest.raises(OutOfReach, match="more than 50 files and folders"):
        serve({"files": folders}).files(OWNER)


def test_a_file_that_is_longer_than_it_is_said_to_be_is_left_out(serve: Serve, tmp_path: Path) -> None:
    source = serve(b"hello")
    assert source.fetch(OWNER, ToldFile("a", 5), tmp_path).read_bytes() == b"hello"
    # One whose length is not said has any.
    assert source.fetch(OWNER, ToldFile("a", 0), tmp_path).read_bytes() == b"hello"
    with pytest.raises(OutOfReach, match="longer than it is said to be, 4 bytes"):
        source.fetch(OWNER, ToldFile("a", 4), tmp_path)
