import socket
import threading

import pytest

from ropeway.workspace.download import NotFetched, download
from ropeway.workspace.outbound import AddressRefused, BadAddress

HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def answering():
    """A server that answers one request with these bytes."""
    sockets = []

    def answering(*parts):
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)

        def answer():
            try:
                peer, _ = listener.accept()
            except OSError:
                return  # nobody asked, and the test is over
            with peer:
                peer.recv(65536)
                for part in parts:
                    peer.sendall(part)

        threading.Thread(target=answer, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/x.csv"

    yield answering
    for each in sockets:
        each.close()


def fetch(url, **given):
    got = bytearray()
    given = {"timeout_s": 10, "max_bytes": 100, "allow_private": True, **given}
    return download(url, got.extend, **given), bytes(got)


def test_a_body_comes_whole_with_what_names_it(answering):
    answer, body = fetch(answering(HEAD + b'ETag: "a"\r\nContent-Length: 5\r\n\r\nhello'))
    assert (body, answer.etag, answer.size_bytes, answer.changed) == (b"hello", '"a"', 5, True)
    assert (
        fetch(answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"))[1]
        == b"hello"
    )


def test_what_has_not_changed_has_no_body(answering):
    answer, body = fetch(answering(b"HTTP/1.1 304 Not Modified\r\n\r\n"), headers={"If-None-Match": '"a"'})
    assert (answer.changed, body) == (False, b"")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (HEAD + b"Content-Length: 9\r\n\r\nhello", "broke off"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello", "broke off"),
        (HEAD + b"\r\nhello", "does not say how long it is"),
        (HEAD + b"Content-Length: 101\r\n\r\n" + b"x" * 101, "longer than 100 bytes"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", "redirects are not followed"),
        (b"hello\r\n\r\n", "not HTTP"),
        (b"", "not HTTP"),
    ],
)
def test_half_a_file_and_what_is_no_file_are_refused(answering, reply, said):
    with pytest.raises(NotFetched, match=said):
        fetch(answering(reply))


def test_the_guards_of_all_that_goes_out_hold(answering):
    url = answering(HEAD)
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        fetch(url, allow_private=False)
    with pytest.raises(AddressRefused, match=r"169\.254\.169\.254"):
        fetch("http://example.org/x.csv", allow_private=False, resolve=lambda *_: ["169.254.169.254"])
    for bad in ("file:///etc/passwd", "http://me:pw@h/x.csv", "http://h/x\r\nHost: y"):
        with pytest.raises(BadAddress):
            fetch(bad)
