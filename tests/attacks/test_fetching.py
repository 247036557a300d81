"""C2: nobody makes a server, or a colleague's machine, speak to an address that is not theirs to name."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.keeping.reproduce.halves import TOML, lay_halves
from tests.server.conftest import Server

from ropeway.core.canonical import canonical
from ropeway.core.errors import RopewayError
from ropeway.data.pins import Pin
from ropeway.data.refer import refer
from ropeway.keeping.backup import back_up
from ropeway.keeping.errors import BackupDamaged
from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.keeping.restore import restore
from ropeway.members.operations import add_member, issue_for
from ropeway.members.secrets import TOKEN, draw
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.download import NotFetched, download
from ropeway.workspace.outbound import AddressRefused, BadAddress, Undeliverable, post
from ropeway.workspace.place import ledger_place

SECRET = "hunter2"
HIDDEN = '\n[ "workspace" ]\n"ledger" = "postgresql://127.0.0.1:9/evil"\n'
ELSEWHERE = '\n[workspace]\nledger = "postgresql://127.0.0.1:9/evil"\n'


class Listener:
    """Something on this machine that nobody is to speak to; it counts who does."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nid\n1\n") -> None:
        self.heard: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    data = connection.recv(4096)
                    if data:
                        self.heard.append(data)
                        connection.sendall(self._answer)
                except OSError:
                    continue

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def spellings(port: int) -> list[str]:
    """This machine, its network and a cloud's metadata service, as they can be written."""
    hosts = (
        "127.0.0.1",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "[fe80::1]",
        "224.0.0.1",
        "255.255.255.255",
    )
    return [f"http://{host}:{port}/x.csv" for host in hosts]


def others(port: int) -> list[str]:
    """What is no address of a file at all."""
    return [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        f"gopher://127.0.0.1:{port}/x",
        "http:///x.csv",
        f"ftp://127.0.0.1:{port}/x.csv",
        f"http://example.org@127.0.0.1:{port}/x.csv",
        "http://[::1/x.csv",
        f"http://127.0.0.1:{port}\\@example.org/x.csv",
        "//127.0.0.1/x.csv",
        f"http://example.org\r\nHost: 127.0.0.1:{port}/x.csv",
    ]


def test_no_spelling_of_this_machine_or_its_network_is_spoken_to(listener: Listener) -> None:
    for url in (*spellings(listener.port), *others(listener.port)):
        with pytest.raises((AddressRefused, BadAddress, Undeliverable)):
            download(url, len, timeout_s=5, max_bytes=100)
        with pytest.raises((AddressRefused, BadAddress, Undeliverable)):
            post(url, b"x", {}, timeout_s=5)
    assert listener.heard == []


def test_a_name_that_comes_to_mean_this_machine_later_gets_nothing(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    real = socket.create_connection
    # What resolves again while it connects, as a library below might.
    monkeypatch.setattr(
        socket, "create_connection", lambda _address, **rest: real(("127.0.0.1", listener.port), **rest)
    )
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        download(
            "http://rebound.example/x.csv",
            len,
            timeout_s=5,
            max_bytes=100,
            resolve=lambda _host, _port: answers.pop(0),
        )
    assert answers == [["127.0.0.1"]], "the name is asked for once"
    time.sleep(0.05)
    assert listener.heard == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(listener: Listener, status: int) -> None:
    to = f"http://127.0.0.1:{listener.port}/metadata"
    moved = Listener(f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(NotFetched, match="redirects are not followed"):
        download(f"http://127.0.0.1:{moved.port}/x.csv", len, timeout_s=5, max_bytes=100, allow_private=True)
    moved.close()
    assert (len(moved.heard), listener.heard) == (1, [])


class Caller:
    """A member of a role, over HTTP."""

    def __init__(self, server: Server, name: str) -> None:
        secret = draw(TOKEN)
        issue_for(server.workspace, name=name, token=secret.id, digest=secret.digest)
        headers = {"authorization": f"Bearer {secret.text}"}
        self.client = httpx.Client(base_url=server.url, timeout=30, headers=headers)

    def put(self, data: bytes) -> str:
        headers = {"content-type": "application/octet-stream"}
        return self.client.put("/api/v1/objects", content=data, headers=headers).json()["digest"]

    def call(self, name: str, /, **arguments: Any) -> httpx.Response:
        return self.client.post(f"/api/v1/{name}", json=arguments)

    def outcome(self, name: str, /, **arguments: Any) -> dict[str, Any]:
        job = self.call(name, **arguments).json()["job"]
        while (told := self.client.get(f"/api/v1/jobs/{job}").json())["state"] == "running":
            time.sleep(0.01)
        return told


@pytest.fixture
def team(workspace: LocalWorkspace) -> Iterator[tuple[Server, Caller, Caller]]:
    for name, role in (("ada", "admin"), ("cleo", "contributor"), ("vic", "viewer")):
        add_member(workspace, name=name, role=role)
    server = Server(workspace)
    callers = [Caller(server, name) for name in ("cleo", "vic")]
    yield server, callers[0], callers[1]
    for each in callers:
        each.client.close()
    server.stop()


def referring(name: str, pin: str, some: str) -> dict[str, Any]:
    """What a contributor says of a version that lies elsewhere."""
    known = {"format": "referred", "rows": 1, "size_bytes": 1, "columns": {"id": "integer"}}
    return {"name": name, "version": pin, "contract": some, "profile": some, **known}


def test_nobody_from_afar_puts_such_an_address_on_record(
    team: tuple[Server, Caller, Caller], listener: Listener, tmp_path: Path
) -> None:
    _, cleo, _ = team
    (tmp_path / "secret.csv").write_text("id\n1\n")
    pins = [
        Pin(uri=uri, form="csv") for uri in ("/etc/passwd", "../../secret.csv", str(tmp_path / "secret.csv"))
    ]
    pins += [Pin(uri=uri, form="csv") for uri in others(listener.port)]
    pins.append(Pin(uri="s3://bucket/x.csv", form="csv", endpoint=f"http://127.0.0.1:{listener.port}"))
    some = cleo.put(b"{}")
    for number, digest in enumerate([cleo.put(canonical(pin)) for pin in pins] + [some]):
        found = referring(f"evil-{number}", digest, some)
        reply = cleo.call("data.arrive", found=found)
        assert 400 <= reply.status_code < 500, (number, reply.text)
    assert cleo.call("data.list").json() == []
    assert listener.heard == []


def test_a_server_opens_nothing_that_is_on_record(
    team: tuple[Server, Caller, Caller], listener: Listener, tmp_path: Path
) -> None:
    server, cleo, vic = team
    (tmp_path / "salaries.csv").write_text("id,pay\n1,9999\n")
    refer(server.workspace, str(tmp_path / "salaries.csv"))
    some = cleo.put(b"{}")
    for number, url in enumerate(spellings(listener.port)):
        pin = cleo.put(canonical(Pin(uri=url, form="csv")))
        found = referring(f"evil-{number}", pin, some)
        assert cleo.call("data.arrive", found=found).status_code in (200, 403, 422)
    for name in [each["latest"]["name"] for each in vic.call("data.list").json()]:
        told = vic.outcome("data.full-profile", reference=name)
        assert (told["state"], told["error"]["code"]) == ("failed", "address-not-opened")
        told = vic.outcome("data.diff", before=name, after=name)
        assert told["state"] == "failed"
        assert "9999" not in str(told)
    assert listener.heard == []


def test_a_password_in_an_address_is_kept_and_told_nowhere(workspace: LocalWorkspace) -> None:
    for url in (f"https://me:{SECRET}@example.org/x.csv", f"http://{SECRET}@example.org/x.csv"):
        with pytest.raises(RopewayError) as raised:
            refer(workspace, url)
        assert SECRET not in f"{raised.value}{raised.value.to_dict()}"
    for path in workspace.home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_a_backups_own_settings_bring_no_ledger_elsewhere(workspace: LocalWorkspace, tmp_path: Path) -> None:
    toml = workspace.root / "ropeway.toml"
    toml.write_text(toml.read_text() + ELSEWHERE)
    kept = back_up(workspace, tmp_path / "place").backup
    # Said plainly it is taken out; said in a way that only TOML's own reader finds, it is refused.
    restore(tmp_path / "place", tmp_path / "target", name=kept, actor="ana")
    assert ledger_place(tmp_path / "target" / ".ropeway") == tmp_path / "target" / ".ropeway" / "ledger.db"
    toml.write_text(toml.read_text().replace(ELSEWHERE, HIDDEN))
    kept = back_up(workspace, tmp_path / "place").backup
    with pytest.raises(BackupDamaged, match="ledger is elsewhere"):
        restore(tmp_path / "place", tmp_path / "hidden", name=kept, actor="ana")
    assert not (tmp_path / "hidden" / ".ropeway").exists()


@pytest.mark.slow
def test_a_runs_own_settings_bring_no_ledger_elsewhere(tmp_path: Path) -> None:
    with lay_halves(tmp_path / "halves", learnt="0.0") as halves:
        (halves.root / "ropeway.toml").write_text(TOML + ELSEWHERE)
        run = run_pipeline(halves).run
        assert reproduce(halves, run).verdict == "identical"
