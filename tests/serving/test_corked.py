"""What is written in one turn goes out in one piece, and nothing waits for longer than that."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ropeway.serving.door import reply
from ropeway.serving.listen import GracefulServer, bind

CHUNKS, CHUNK = 40, b"x" * 1024


async def answers(scope: Any, receive: Any, send: Any) -> None:
    """`/`: a small answer; `/many`: many pieces at once; `/slow`: a head, and a body that never comes."""
    if scope["path"] == "/":
        await reply(send, 200, b'{"all":"of it"}')
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/slow":
        await receive()
        await receive()
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = bind("127.0.0.1", 0)
    server = GracefulServer(answers, listener)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def ask(port: int, path: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
    return client


def test_a_head_and_its_body_are_one_piece(port: int) -> None:
    with ask(port, "/") as client:
        assert client.recv(65536).endswith(b'{"all":"of it"}')
        assert client.recv(65536) == b""


def test_a_head_goes_out_before_a_body_that_is_not_there_yet(port: int) -> None:
    with ask(port, "/slow") as client:
        assert client.recv(65536).endswith(b"transfer-encoding: chunked\r\n\r\n")


def test_a_body_of_many_pieces_arrives_whole(port: int) -> None:
    with ask(port, "/many") as client:
        found = b"".join(iter(lambda: client.recv(65536), b""))
    assert found.count(b"400\r\n" + CHUNK + b"\r\n") == CHUNKS
    assert found.endswith(b"\r\n0\r\n\r\n")
