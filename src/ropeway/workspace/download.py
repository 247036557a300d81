"""Fetching a file over HTTP, by the same guards as all that leaves a workspace (`workspace.outbound`).

The address is checked before a byte is sent, redirects are not followed, proxies of the environment not
asked. A body is handed on block by block, up to a limit, and all of it ends at a deadline.

RopewayError
└── Unavailable
    └── NotFetched          not-fetched         no connection, too slow, too long, cut off, or another status
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ropeway.core.errors import Unavailable
from ropeway.workspace.outbound import PORTS, Resolve, checked_addresses, connect_checked, cut_off, parse_url

BLOCK_BYTES = 1 << 18
NOT_MODIFIED = 304
Sink = Callable[[bytes], object]


class NotFetched(Unavailable):
    """A file could not be had from its address."""

    code = "not-fetched"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"Nothing came from '{host[:200]}': {reason}.", host=host, reason=reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said of the file, in its headers.

    Attributes:
        changed: False when it has not changed since the version that was named: there was no body.
        etag: its own name for these bytes.
        last_modified: as written.
        size_bytes: as announced; None where it was not.
    """

    changed: bool
    etag: str | None
    last_modified: str | None
    size_bytes: int | None


def download(
    url: str,
    sink: Sink,
    *,
    headers: Mapping[str, str] | None = None,
    method: Literal["GET", "HEAD"] = "GET",
    timeout_s: float,
    max_bytes: int,
    allow_private: bool = False,
    table: str = "source.NAME",
    resolve: Resolve | None = None,
) -> Answer:
    """Fetch a file, block by block.

    Args:
        url: `http` or `https`, without a user.
        sink: called with each block of the body.
        headers: beside those that are always sent, such as `If-None-Match`.
        method: `HEAD` asks for the headers alone.
        timeout_s: for all of it.
        max_bytes: more than this is not read.
        allow_private: whether addresses that are not public are meant.
        table: where the project file would allow that; named in the refusal.
        resolve: host and port to addresses; the system's resolver when absent.

    Raises:
        BadAddress: it is not such a URL.
        AddressRefused: one of its addresses is not public.
        NotFetched, Undeliverable: it could not be had.
    """
    deadline = time.monotonic() + timeout_s
    parts, host, port = parse_url(url)
    is_tls = parts.scheme == "https"
    addresses = checked_addresses(
        host, port, deadline, allow_private=allow_private, resolve=resolve, table=table
    )
    sent = {**_headers(host, None if port == PORTS[parts.scheme] else port), **(headers or {})}
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = connect_checked(addresses, host, port, deadline, is_tls=is_tls)
        # A peer that sends one byte a second never lets a read time out; this ends it all the same.
        guard = threading.Timer(max(0.0, deadline - time.monotonic()), cut_off, [connection])
        guard.daemon = True
        guard.start()
        try:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            return _exchange(connection, host, method, path, sent, sink, max_bytes)
        finally:
            guard.cancel()
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotFetched(host, _reason(error, timeout_s, deadline)) from error


def _headers(host: str, port: int | None) -> dict[str, str]:
    """Those that are always sent; the port is named where it is not the scheme's own."""
    shown = f"[{host}]" if ":" in host else host
    return {
        "Host": shown if port is None else f"{shown}:{port}",
        "User-Agent": "ropeway",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def _exchange(
    connection: socket.socket,
    host: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    sink: Sink,
    max_bytes: int,
) -> Answer:
    client = http.client.HTTPConnection(host)
    # Given a connection that was checked, the client opens none of its own.
    client.sock = connection
    client.request(method, path, headers=dict(headers))
    reply = client.getresponse()
    changed = reply.status != NOT_MODIFIED
    if changed and reply.status != http.client.OK:
        moved = ", and redirects are not followed" if 300 <= reply.status < 400 else ""
        raise NotFetched(host, f"it answered with status {reply.status}{moved}")
    announced = reply.getheader("Content-Length") or ""
    size = int(announced) if announced.isdigit() else None
    if changed and method == "GET":
        if size is None and not reply.chunked:
            raise NotFetched(host, "it does not say how long it is, so nobody could tell whether it is whole")
        got = _read(reply, host, sink, max_bytes)
        if size is not None and got != size:
            raise NotFetched(host, f"it announced {size:,} bytes and broke off after {got:,}")
    return Answer(changed, reply.getheader("ETag"), reply.getheader("Last-Modified"), size)


def _read(reply: http.client.HTTPResponse, host: str, sink: Sink, max_bytes: int) -> int:
    got = 0
    while block := reply.read(BLOCK_BYTES):
        got += len(block)
        if got > max_bytes:
            raise NotFetched(host, f"it is longer than {max_bytes:,} bytes, which is as much as is read")
        sink(block)
    return got


def _reason(error: Exception, timeout_s: float, deadline: float) -> str:
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return f"it did not answer within {timeout_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, http.client.IncompleteRead):
        return f"it broke off after {len(error.partial):,} bytes of a block"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"its answer is not HTTP ({type(error).__name__})"
