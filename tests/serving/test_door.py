"""Who may ask, and how much may come in: over real sockets, as no client library would ask."""

import resource
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

MB = 2**20
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send raw bytes, and read until the server hangs up or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as conn:
        for piece in pieces:
            conn.sendall(piece)
        conn.settimeout(2)
        return read_reply(conn)


def read_reply(conn: socket.socket) -> bytes:
    """One whole reply, by its content length."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = conn.recv(65536)
        if not piece:
            return received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while len(body) < length and not head.startswith(b"HEAD"):
        piece = conn.recv(65536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def status_of(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "host", ["evil.com", "127.0.0.1.evil", "localhost.evil:80", "10.0.0.1", "", "[::1", "localhost:x"]
)
def test_a_host_that_is_not_loopback_is_refused_for_every_method(
    shared_service: Any, method: str, host: str
) -> None:
    reply = shared_service.client.request(method, "/health", headers={"host": host})
    assert reply.status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:99", "127.0.0.1:1", "127.8.8.8", "[::1]:8080", "[::1]"]
)
def test_loopback_by_any_of_its_names_is_let_in(shared_service: Any, host: str) -> None:
    assert shared_service.client.get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: localhost\r\nHost: evil.com\r\n", b"Host: a\r\nHost: localhost\r\n"]
)
def test_no_host_or_two_hosts_are_refused(shared_service: Any, hosts: bytes) -> None:
    reply = exchange(shared_service.port, b"GET /health HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
    assert status_of(reply) == 400


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.com"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_page_is_refused_for_every_method(
    shared_service: Any, method: str, headers: dict[str, str]
) -> None:
    reply = shared_service.client.request(method, "/predict", headers=headers)
    assert reply.status_code == 403
    assert "access-control-allow-origin" not in reply.headers


def test_our_own_page_is_let_in(shared_service: Any) -> None:
    headers = {"origin": shared_service.url, "sec-fetch-site": "same-origin"}
    reply = shared_service.client.post("/predict", json={"text": "good"}, headers=headers)
    assert reply.status_code == 200


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [("Origin", "http://localhost", "http://evil.com"), ("Sec-Fetch-Site", "same-origin", "cross-site")],
)
def test_a_second_origin_cannot_hide_a_foreign_one(
    shared_service: Any, name: str, ours: str, theirs: str, order: int
) -> None:
    # Only the last of several was looked at.
    lines = "".join(f"{name}: {value}\r\n" for value in [ours, theirs][::order])
    request = f"GET /health HTTP/1.1\r\nHost: localhost\r\n{lines}Connection: close\r\n\r\n"
    reply = exchange(shared_service.port, request.encode())
    assert status_of(reply) == 400
    assert f"2 {name} headers".encode() in reply


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def a_hundred_megabytes() -> Iterator[bytes]:
    chunk = b"x" * MB
    for _ in range(100):
        yield chunk


def test_a_100_mb_body_is_refused_by_its_content_length(shared_service: Any) -> None:
    before = peak_bytes()
    headers = {"content-type": "application/json", "content-length": str(100 * MB)}
    reply = shared_service.client.post("/predict", content=a_hundred_megabytes(), headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "body-too-large")
    assert peak_bytes() - before < 64 * MB


def test_a_100_mb_body_in_chunks_is_refused_early(shared_service: Any) -> None:
    before = peak_bytes()
    headers = {"content-type": "application/json"}
    reply = shared_service.client.post("/predict", content=a_hundred_megabytes(), headers=headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "body-too-large")
    assert peak_bytes() - before < 64 * MB


def test_a_body_refused_by_its_length_is_refused_before_it_is_sent(shared_service: Any) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    reply = exchange(shared_service.port, head + b"Content-Length: 104857600\r\nExpect: 100-continue\r\n\r\n")
    assert status_of(reply) == 413


def test_a_body_just_at_the_limit_is_read(shared_service: Any) -> None:
    text = "x" * (MB - len('{"text":""}'))
    assert (
        shared_service.client.post(
            "/predict", content=f'{{"text":"{text}"}}', headers={"content-type": "application/json"}
        ).status_code
        == 200
    )


def test_an_endless_header_is_refused(shared_service: Any) -> None:
    with socket.create_connection(("127.0.0.1", shared_service.port), timeout=10) as conn:
        conn.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
        received = b""
        try:
            for _ in range(100):
                conn.sendall(b"x" * 10_000)
                time.sleep(0.001)
            received = conn.recv(1000)
        except ConnectionError:
            received = received or b"HTTP/1.1 400 hung up"
    assert status_of(received) == 400


def test_a_hundred_thousand_one_byte_chunks_are_read_as_one_body(shared_service: Any) -> None:
    body = b'{"text":"' + b"x" * 100_000 + b'"}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    reply = exchange(shared_service.port, head + b"Transfer-Encoding: chunked\r\n\r\n", chunks)
    assert status_of(reply) == 200


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_not_http_leaves_the_service_alive(shared_service: Any, garbage: bytes) -> None:
    exchange(shared_service.port, garbage)
    assert shared_service.predict({"text": "good"}).status_code == 200


def test_a_client_that_leaves_in_mid_body_harms_nobody(shared_service: Any) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", shared_service.port)) as conn:
        conn.sendall(head + b'Content-Length: 100\r\n\r\n{"text":')
    assert shared_service.predict({"text": "good"}).status_code == 200


def test_two_requests_in_one_write_get_two_answers(shared_service: Any) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared_service.port), timeout=10) as conn:
        conn.sendall(request * 2)
        received = b""
        while received.count(b"HTTP/1.1 200") < 2:
            piece = conn.recv(65536)
            assert piece
            received += piece
