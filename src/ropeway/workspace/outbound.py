"""The one way out of a workspace: to an address that a person named, and nowhere else.

Here are the guards and `post`, for what is sent; what is fetched goes the same way in `workspace.download`.

A URL says a name, and a name can be made to mean this machine, the network behind it or a cloud's metadata
service, at the second look too. What is an address already, in whatever form, is asked of no resolver. A name
is resolved once, every address that it has is checked, and before a byte is sent the peer of the connected
socket is held against what was checked. Redirects are not followed, proxies of the environment not asked,
replies read up to a limit, and all of it ends at a deadline.

RopewayError
├── Invalid
│   └── BadAddress          bad-address         a URL that nothing is sent to, whoever allows it
├── Refused
│   └── AddressRefused      address-refused     a private address, where none is allowed
└── Unavailable
    └── Undeliverable       undeliverable       it was not taken: no connection, too slow, or another status
"""

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from ropeway.core.errors import Invalid, Refused, Unavailable

MAX_REPLY_BYTES = 64 * 2**10
"""More than this of a reply is not read."""
SHOWN_CHARACTERS = 200
PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

# What looks public, and leads to an IPv4 address of the packager's choice: 6to4, Teredo, NAT64.
_WRAPPED = tuple(
    map(ipaddress.ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
)


class BadAddress(Invalid):
    """A URL that nothing is sent to."""

    code = "bad-address"

    def __init__(self, url: str, reason: str) -> None:
        # What stands before an @ may be a password, and errors are written down.
        url = re.sub(r"//[^/?#]*@", "//***@", url)
        super().__init__(
            f"Nothing can be sent to '{url[:SHOWN_CHARACTERS]}': {reason}.",
            expected="an http or https URL with a host and without a user, such as https://hooks.example.org/x",
            url=url[:SHOWN_CHARACTERS],
        )


class AddressRefused(Refused):
    """An address on this machine, in a private network, or of no one."""

    code = "address-refused"

    def __init__(self, host: str, address: str, table: str = "sinks.NAME") -> None:
        super().__init__(
            f"'{host[:SHOWN_CHARACTERS]}' is {address}, which is not a public address; nothing was sent.",
            expected="a host with public addresses only",
            next_step=f"allow_private = true under [{table}], if it is meant to be there",
            host=host[:SHOWN_CHARACTERS],
            address=address,
        )


class Undeliverable(Unavailable):
    """The other side did not take it."""

    code = "undeliverable"

    def __init__(self, host: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"'{host[:SHOWN_CHARACTERS]}' did not take it: {reason}.", host=host, reason=reason)
        if status is not None:
            self.facts["status"] = status


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, and the beginning of what was said with it."""

    status: int
    said: str


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    allow_private: bool = False,
    resolve: Resolve | None = None,
) -> Reply:
    """Send something, and give the answer if it is a success.

    Args:
        url: where to, `http` or `https`.
        body: what.
        headers: beside `Host`, `Content-Length`, `Connection` and `User-Agent`.
        timeout_s: for all of it, from the look-up of the name to the last byte read.
        allow_private: whether addresses that are not public are meant.
        resolve: host and port to addresses; the system's resolver when absent.

    Raises:
        BadAddress: it is not such a URL.
        AddressRefused: one of its addresses is not public.
        Undeliverable: no connection, no answer in time, or an answer that is no 2xx.
    """
    deadline = time.monotonic() + timeout_s
    parts, host, port = parse_url(url)
    addresses = checked_addresses(host, port, deadline, allow_private=allow_private, resolve=resolve)
    request = _request(parts, host, port, body, headers)
    try:
        reply = _exchange(addresses, host, port, request, deadline, is_tls=parts.scheme == "https")
    except (OSError, ValueError) as error:
        raise Undeliverable(host, _reason(error, timeout_s, deadline)) from error
    status = _status(reply, host, timeout_s, deadline)
    said = reply.partition(b"\r\n\r\n")[2][:SHOWN_CHARACTERS].decode("utf-8", "replace")
    if not 200 <= status < 300:
        moved = ", and redirects are not followed" if 300 <= status < 400 else ""
        raise Undeliverable(host, f"it answered with status {status}{moved}", status)
    return Reply(status, said)


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet at large, and hides no other.

    Example:
        >>> [is_public(ipaddress.ip_address(each)) for each in ("8.8.8.8", "100.64.0.1", "::ffff:127.0.0.1")]
        [True, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or any(address in network for network in _WRAPPED):
            return False
        if address.is_site_local or address.scope_id:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def parse_url(url: str) -> tuple[SplitResult, str, int]:
    """The parts of a URL, its host as the network knows it, and its port.

    Raises:
        BadAddress: it is not http or https, holds a user, or cannot be read.
    """
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise BadAddress(url, "it holds white space or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii") if parts.hostname else ""
    except (ValueError, UnicodeError) as error:
        raise BadAddress(url, str(error)) from error
    if parts.scheme not in PORTS:
        raise BadAddress(url, f"its scheme is '{parts.scheme}'")
    if "@" in parts.netloc or "\\" in url:
        raise BadAddress(url, "it holds a user, or a backslash")
    if not host:
        raise BadAddress(url, "it has no host")
    if not (url.isascii()):
        raise BadAddress(url, "its characters are not all ASCII")
    return parts, host, port if port is not None else PORTS[parts.scheme]


def checked_addresses(
    host: str,
    port: int,
    deadline: float,
    *,
    allow_private: bool,
    resolve: Resolve | None = None,
    table: str = "sinks.NAME",
) -> list[Address]:
    """The addresses of a host, each of them one that may be spoken to.

    Raises:
        AddressRefused: one of them is not public, and `allow_private` is False.
        Undeliverable: it has none.
    """
    addresses = _resolve(resolve or _system_resolve, host, port, deadline)
    for address in addresses:
        if not allow_private and not is_public(address):
            raise AddressRefused(host, str(address), table)
    return addresses


def _system_resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _resolve(resolve: Resolve, host: str, port: int, deadline: float) -> list[Address]:
    """The addresses of a host. The system's resolver knows no deadline, so it is waited for, and left.

    It is asked for names alone: what is written as an address is judged as it stands, and told to nobody.
    """
    written = _written(host)
    if written is not None:
        return [written]
    found: list[str] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(resolve(host, port))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=look_up, name="ropeway-resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if thread.is_alive():
        raise Undeliverable(host, "its name was not resolved in time")
    if failed or not found:
        raise Undeliverable(host, "its name has no address")
    return [ipaddress.ip_address(each) for each in found]


def _written(host: str) -> Address | None:
    """The address that a host is, in any form that systems read: `127.1`, `0x7f000001`, `2130706433`."""
    plain = host.removesuffix(".")
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(plain))
    except OSError:
        return None


def _request(parts: SplitResult, host: str, port: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    shown = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = {
        "Host": shown if port == PORTS[parts.scheme] else f"{shown}:{port}",
        "User-Agent": "ropeway",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    for name, value in lines.items():
        if any(ord(character) < 32 or ord(character) > 126 for character in name + value):
            raise BadAddress(host, f"the header '{name}' cannot be sent")
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("ascii") + b"\r\n" + body


def _exchange(
    addresses: list[Address], host: str, port: int, request: bytes, deadline: float, *, is_tls: bool
) -> bytes:
    connection = connect_checked(addresses, host, port, deadline, is_tls=is_tls)
    # A peer that sends one byte a second never lets a read time out; this ends it all the same.
    guard = threading.Timer(max(0.0, deadline - time.monotonic()), cut_off, [connection])
    guard.daemon = True
    guard.start()
    try:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        if isinstance(connection, ssl.SSLSocket):
            connection.do_handshake()
        connection.sendall(request)
        return _read(connection)
    finally:
        guard.cancel()
        connection.close()


def connect_checked(
    addresses: list[Address], host: str, port: int, deadline: float, *, is_tls: bool
) -> socket.socket:
    """A connection to one of these addresses and to no other; under TLS the handshake is still to be done."""
    plain = _connect(addresses, port, deadline)
    # The socket itself is asked who is at its other end: whatever resolved or connected in between, nothing
    # is sent to an address that was not checked.
    peer = ipaddress.ip_address(str(plain.getpeername()[0]))
    if peer not in addresses:
        plain.close()
        raise AddressRefused(host, str(peer))
    return _wrapped(plain, host) if is_tls else plain


def _connect(addresses: list[Address], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that takes one."""
    refused: OSError = TimeoutError()
    for address in addresses:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((str(address), port), timeout=remaining)
        except OSError as error:
            refused = error
    raise refused


def _wrapped(plain: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    return context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)


def cut_off(connection: socket.socket) -> None:
    """End a connection at which another thread may be reading."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It ended by itself.
        return


def _read(connection: socket.socket) -> bytes:
    """The reply, up to its end or to the limit; once its status is there, the rest matters to nobody."""
    reply = bytearray()
    while len(reply) < MAX_REPLY_BYTES and not _is_whole(bytes(reply)):
        block = connection.recv(4096)
        if not block:
            break
        reply += block
    return bytes(reply)


def _is_whole(reply: bytes) -> bool:
    head, end, body = reply.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return len(body) >= min(int(value.strip()[:12]), SHOWN_CHARACTERS)
    # Of unknown length: what came with the head is enough.
    return True


def _status(reply: bytes, host: str, timeout_s: float, deadline: float) -> int:
    line = reply.partition(b"\r\n")[0].split(b" ", 2)
    is_http = len(line) >= 2 and line[0].startswith(b"HTTP/1.") and len(line[1]) == 3 and line[1].isdigit()
    if is_http and b"\r\n\r\n" in reply:
        return int(line[1])
    if time.monotonic() >= deadline:
        raise Undeliverable(host, f"it did not answer within {timeout_s:g} s")
    raise Undeliverable(host, "its answer is not HTTP, or longer than anybody reads")


def _reason(error: OSError | ValueError, timeout_s: float, deadline: float) -> str:
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return f"it did not answer within {timeout_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__
