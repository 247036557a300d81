"""A team's server with a member of each role, and requests as no client library would send them."""

import json
import socket
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from tests.server.conftest import Server
from tests.server.test_auth import bearer, issue

from ropeway.members.operations import add_member
from ropeway.members.roles import ROLES
from ropeway.testing import MINIMAL_PROJECT, make_workspace

OCTETS = {"content-type": "application/octet-stream"}


class Town:
    """A project with a member of each role, named after it, and the token of each."""

    def __init__(self, folder: Path, toml: str = MINIMAL_PROJECT, **options: Any) -> None:
        self.workspace = make_workspace(folder, toml=toml, clock=options.pop("clock", None))
        self.root = folder
        for role in reversed(ROLES):
            add_member(self.workspace, name=role, role=role)
        self.tokens = {role: issue(self.workspace, role) for role in ROLES}
        self.server = Server(self.workspace, **options)
        self.port = int(self.server.url.rpartition(":")[2])

    def token(self, name: str, **wish: Any) -> str:
        """One more token of a member."""
        return issue(self.workspace, name, **wish)

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> httpx.Response:
        """One request with a token, or the name of a role; or as a stranger."""
        headers = dict(more.pop("headers", {}))
        if token:
            headers |= bearer(self.tokens.get(token, token))
        self.server.client.cookies.clear()
        return self.server.client.request(method, path, headers=headers, **more)

    def call(self, name: str, token: str = "admin", /, **arguments: Any) -> httpx.Response:
        """An operation, by its arguments."""
        return self.ask("POST", f"/api/v1/{name}", token, json=arguments)

    def keep(self, data: bytes) -> str:
        """An object brought by a contributor."""
        kept = self.ask("PUT", "/api/v1/objects", "contributor", content=data, headers=OCTETS)
        digest: str = kept.json()["digest"]
        return digest

    def close(self) -> None:
        """Stop the server, and let go of the workspace."""
        self.server.stop()
        self.workspace.close()


class Answer(NamedTuple):
    """A reply off the wire: status 0 where the connection was closed without one."""

    status: int
    head: str
    body: bytes

    @property
    def code(self) -> str:
        """The error's code; empty where the body is no error of ours."""
        try:
            return str(json.loads(self.body)["error"]["code"])
        except (ValueError, KeyError, TypeError):
            return ""


def send(port: int, *pieces: bytes, wait_s: float = 10) -> Answer:
    """Send bytes as they are, and read one reply."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except ConnectionError:
            pass  # refused in mid-sending: the reply is there all the same, or it hung up
        return receive(connection, has_body=not pieces[0].startswith((b"HEAD", b"CONNECT")))


def receive(connection: socket.socket, *, has_body: bool = True) -> Answer:
    """One reply, by its content length; what there is of it where the other side hangs up."""
    received = b""
    try:
        while not _is_whole(received, has_body=has_body):
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
    except ConnectionError:
        pass
    head, _, body = received.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 0
    return Answer(status, head.decode("latin-1").lower(), body)


def _is_whole(received: bytes, *, has_body: bool) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    return bool(end) and (not has_body or len(body) >= int(length or 0))


def head(method: str, target: str, **headers: str | int) -> bytes:
    """A request's head; `host` is loopback unless it is given, and "-" for none."""
    lines = {"host": "127.0.0.1", **{name.replace("_", "-"): str(value) for name, value in headers.items()}}
    said = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "-")
    return f"{method} {target} HTTP/1.1\r\n{said}\r\n".encode("latin-1")
