"""The guarded way out: nothing reaches this machine or a private network unless that is meant."""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ropeway.workspace.outbound import (
    MAX_REPLY_BYTES,
    AddressRefused,
    BadAddress,
    Undeliverable,
    is_public,
    post,
)


class Listener:
    """A real server on 127.0.0.1 that keeps what it is sent, and answers what it is told to.

    Args:
        reply: what it answers; None to answer nothing; a list is sent piece by piece, slowly.
    """

    def __init__(self, reply: bytes | list[bytes] | None = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.reply = reply
        self.received: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._held: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def close(self) -> None:
        self._server.close()
        for connection in self._held:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        data = b""
        while not _is_whole(data):
            block = connection.recv(65536)
            if not block:
                break
            data += block
        if data:
            self.received.append(data)
        if self.reply is None:
            self._held.append(connection)
            return
        try:
            for piece in [self.reply] if isinstance(self.reply, bytes) else self.reply:
                connection.sendall(piece)
                if isinstance(self.reply, list):
                    time.sleep(0.05)
        except OSError:
            pass
        connection.close()


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    ]
    return bool(end) and len(body) >= (lengths[0] if lengths else 0)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def send(url: str, **options: object) -> int:
    return post(url, b'{"a":1}', {"Content-Type": "application/json"}, **{"timeout_s": 2.0, **options}).status  # type: ignore[arg-type]


def test_what_is_allowed_arrives_whole(listener: Listener) -> None:
    assert send(listener.url + "?q=1", allow_private=True) == 204
    head, _, body = listener.received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?q=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{listener.port}".encode() in head
    assert body == b'{"a":1}'


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "127.0.0.53",
        "127.255.255.254",
    ],
)
def test_no_name_of_this_machine_gets_a_byte(listener: Listener, host: str) -> None:
    with pytest.raises((AddressRefused, Undeliverable, BadAddress)):
        send(f"http://{host}:{listener.port}/hook")
    assert listener.received == []


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "::ffff:169.254.169.254",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    shown = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused, match="not a public address"):
        send(f"http://{shown}/latest/meta-data", resolve=lambda _host, _port: [address])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.0.0.1.", "127.1", "0x7f000001", "0x7f.1", "0177.0.0.1", "2130706433", "[::1]",
        "[::ffff:7f00:1]", "[fe80::1%25lo]", "169.254.169.254", "0251.0376.169.254", "2852039166", "0",
    ],
)  # fmt: skip
def test_what_is_an_address_in_whatever_form_is_asked_of_no_resolver(host: str) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"]

    with pytest.raises(AddressRefused, match="not a public address"):
        send(f"http://{host}/latest", resolve=resolve)
    assert asked == []


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/_x",
        "ftp://example.org/x",
        "//example.org/x",
        "http://",
        "http:///x",
        "http://user@example.org/",
        "http://user:secret@example.org/",
        "http://example.org:99999/",
        "http://example.org:x/",
        "http://exa mple.org/",
        "http://example.org/\r\nX-Injected: 1",
        "http://example.org\\@127.0.0.1/",
        "http://[::1/",
        "",
        "http://" + "a" * 300 + ".org/",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises((BadAddress, Undeliverable)):
        send(url, allow_private=True)


def test_one_private_address_among_public_ones_refuses_the_name(listener: Listener) -> None:
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        send(f"http://both.example:{listener.port}/", resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])
    assert listener.received == []


def test_a_name_is_resolved_once_so_that_a_second_answer_is_never_asked_for(listener: Listener) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

    with pytest.raises((AddressRefused, Undeliverable)):
        send(f"http://rebind.example:{listener.port}/", resolve=rebinding, timeout_s=0.3)
    assert asked == ["rebind.example"]
    assert listener.received == []


def test_a_redirect_is_not_followed(listener: Listener) -> None:
    moved = Listener(f"HTTP/1.1 302 Found\r\nLocation: {listener.url}\r\n\r\n".encode())
    with pytest.raises(Undeliverable, match="redirects are not followed"):
        send(moved.url, allow_private=True)
    moved.close()
    assert len(moved.received) == 1
    assert listener.received == []


def test_a_proxy_of_the_environment_is_not_asked(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Listener()
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    assert send(listener.url, allow_private=True) == 204
    proxy.close()
    assert proxy.received == []


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [b"H"] * 1000,
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", *[b"x"] * 1000],
    ],
    ids=["nothing", "a byte at a time", "a body without end"],
)
def test_a_server_that_hangs_is_cut_off(reply: bytes | list[bytes] | None) -> None:
    hanging = Listener(reply)
    began = time.monotonic()
    try:
        send(hanging.url, allow_private=True, timeout_s=0.4)
    except Undeliverable as error:
        assert "within 0.4 s" in error.what  # noqa: PT017  a body that never ends may pass once its head is there
    assert time.monotonic() - began < 20
    hanging.close()


def test_a_long_reply_is_read_to_a_limit() -> None:
    long = Listener(b"HTTP/1.1 200 OK\r\nX: " + b"x" * (4 * MAX_REPLY_BYTES))
    with pytest.raises(Undeliverable, match="longer than anybody reads"):
        send(long.url, allow_private=True)
    long.close()


def test_a_reply_that_is_no_http_is_none() -> None:
    other = Listener(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    with pytest.raises(Undeliverable, match="not HTTP"):
        send(other.url, allow_private=True)
    other.close()


def test_a_name_that_does_not_resolve_in_time_is_left() -> None:
    stop = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        stop.wait(20)
        return ["127.0.0.1"]

    with pytest.raises(Undeliverable, match="not resolved in time"):
        send("http://slow.example/", resolve=slow, timeout_s=0.2)
    stop.set()


def test_a_port_where_nobody_listens_says_so(listener: Listener) -> None:
    listener.close()
    with pytest.raises(Undeliverable, match="refused"):
        send(f"http://127.0.0.1:{_free_port()}/", allow_private=True)


def test_tls_is_not_spoken_with_what_does_not_speak_it(listener: Listener) -> None:
    with pytest.raises(Undeliverable):
        send(listener.url.replace("http:", "https:"), allow_private=True, timeout_s=1.0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
