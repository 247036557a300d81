"""A receiver of webhooks: a real HTTP server that verifies what comes, and answers as it is told to."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace

SECRET = "a secret of the receiver's"


class Receiver:
    """Takes what comes, where its signature holds; gives `answers` one by one, then 200."""

    def __init__(self, port: int = 0) -> None:
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.answers: list[int] = []
        self.delay_s = 0.0
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status = receiver.take(self.headers, self.rfile.read(int(self.headers["content-length"])))
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"word")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?key=k"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def take(self, headers: Any, body: bytes) -> int:
        signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        if headers["X-MLflow-Signature"] != f"v1,{base64.b64encode(digest).decode()}":
            return 401
        with self.changed:
            status = self.answers.pop(0) if self.answers else 200
            self.ids.append(headers["X-MLflow-Delivery-Id"])
            if status == 200:
                self.taken.append(json.loads(body))
            self.changed.notify_all()
        return status

    @property
    def told(self) -> list[str]:
        return [f"{each['entity']}.{each['action']}" for each in self.taken]

    def wait(self, count: int, timeout_s: float = 60) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.taken) >= count, timeout_s), self.told

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def toml_for(port: int) -> str:
    return f'[project]\nname = "hooked"\n[webhooks]\nallow = ["127.0.0.1:{port}"]\ntimeout_s = 5\n'


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def hooked(tmp_path: Path, receiver: Receiver, clock: FixedClock) -> Iterator[LocalWorkspace]:
    with make_workspace(tmp_path / "hooked", toml=toml_for(receiver.port), clock=clock) as workspace:
        yield workspace
