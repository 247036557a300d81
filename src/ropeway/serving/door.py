"""What stands before every route, here and in the server: who may ask, and how much may come in.

A browser on this machine runs other people's pages, so loopback alone is no protection: the Host header must
name loopback (else a page has rebound its name to us), and neither Origin nor Sec-Fetch-Site may tell of
another site. That holds for every method, since lists of "dangerous" methods is how others got it wrong.
"""

import asyncio
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from typing import Any

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.serving.errors import (
    BodyTooLarge,
    ForeignOrigin,
    MalformedRequest,
    Misdirected,
    RequestTimeout,
    UnsupportedContent,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_BYTES = 2**20
"""The default limit of a request's body."""
LINGER_S = 2.0
"""How long a refused body is read and thrown away, so that its sender lives to read the refusal."""
MAX_DEPTH = 64
"""Levels of nesting in a JSON body; no request of ours needs ten."""
MAX_VALUES = 100_000
"""Values in a JSON body: each becomes an object, of 30 times the two bytes that an empty list takes."""
SEPARATORS = (b",", b"[", b"{")
"""Each value but the first has one of them before it; a key has its value's."""
# Never tried twice at one place, and never in vain: whatever is sent, it is gone through once.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)

SAFETY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; sandbox"),
    (b"cache-control", b"no-store"),
]
JSON_HEADERS = [(b"content-type", b"application/json"), *SAFETY_HEADERS]


def check_caller(
    headers: Iterable[tuple[bytes, bytes]], answers_to: Callable[[str], bool] | None = None
) -> None:
    """Let in only what names a host of this service and comes from no other site.

    Args:
        headers: the request's.
        answers_to: whether a host name is one of this service; this machine's loopback when absent.

    Raises:
        MalformedRequest: no Host header, or several; or several that name where the request is from.
        Misdirected: the Host is another one.
        ForeignOrigin: a browser sends it for another site, or for one that it will not name.
    """
    named: dict[bytes, list[bytes]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
    for name, value in headers:
        if name in named:
            named[name].append(value)
    hosts, origins, sites = named.values()
    if len(hosts) != 1:
        raise MalformedRequest(f"it has {len(hosts)} Host headers", expected="one Host header")
    # Of two, the one that is looked at could hide the one that counts. No browser sends two.
    for header_name, given in (("Origin", origins), ("Sec-Fetch-Site", sites)):
        if len(given) > 1:
            raise MalformedRequest(f"it has {len(given)} {header_name} headers", expected="one at the most")
    host = hosts[0].decode("latin-1").lower()
    if not (answers_to or is_loopback)(host_name(host)):
        raise Misdirected(host[:80])
    for origin in origins:
        if origin.decode("latin-1").lower() not in (f"http://{host}", f"https://{host}"):
            raise ForeignOrigin("Origin", origin.decode("latin-1")[:80])
    for site in sites:
        if site not in (b"same-origin", b"none"):
            raise ForeignOrigin("Sec-Fetch-Site", site.decode("latin-1")[:80])


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets; "" where the form is wrong."""
    if host.startswith("["):
        name, bracket, port = host[1:].partition("]")
        port = port.removeprefix(":") if bracket else "x"
    else:
        name, _, port = host.partition(":")
    return name if port == "" or (port.isascii() and port.isdigit()) else ""


def header(scope: Scope, name: bytes) -> str:
    """A request header, or "" where it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value).decode("latin-1")
    return ""


def check_json(scope: Scope) -> None:
    """Accept only `application/json`: a form that a foreign page posts is never that.

    Raises:
        UnsupportedContent: it is something else.
    """
    content_type = header(scope, b"content-type")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedContent(content_type[:80])


def decode_json(body: bytes | bytearray) -> Any:
    """The value that a body is, in builtins.

    NaN, Infinity and numbers past a double's range are not JSON, yet clients send them: they come back as
    floats that are not finite, so that the caller can name the field that holds them.

    Raises:
        MalformedRequest: it is not JSON in UTF-8, nested too deeply, or of too many values.
    """
    _check_values(body)
    try:
        value = msgspec.json.decode(body)
    except msgspec.ValidationError:
        value = _decode_loosely(body)  # a number out of range
    except msgspec.DecodeError as error:
        if b"NaN" not in body and b"Infinity" not in body:
            raise MalformedRequest(str(error).removeprefix("JSON is malformed: ")) from error
        value = _decode_loosely(body)
    except UnicodeDecodeError as error:
        raise MalformedRequest("it is not UTF-8") from error
    except RecursionError as error:
        raise _too_deep() from error
    if _depth_exceeds(value, MAX_DEPTH):
        raise _too_deep()
    return value


def _check_values(body: bytes | bytearray) -> None:
    """Count values before any is made; without what is in strings, where there may be too many."""
    count = sum(map(body.count, SEPARATORS))
    if count <= MAX_VALUES:
        return
    for number, found in enumerate(_STRING.finditer(body)):
        count -= sum(body.count(each, *found.span()) for each in SEPARATORS)
        if number > 2 * MAX_VALUES:
            break
    if count > MAX_VALUES or number > 2 * MAX_VALUES:
        raise MalformedRequest("it holds too many values", expected=f"at most {MAX_VALUES:,}")


def _decode_loosely(body: bytes | bytearray) -> Any:
    try:
        value = json.loads(body)
        # json lets half a surrogate pair through, which no reply could ever repeat.
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is not JSON in UTF-8"
        raise MalformedRequest(reason) from error
    return value


def _too_deep() -> MalformedRequest:
    return MalformedRequest("it is nested too deeply", expected=f"at most {MAX_DEPTH} levels")


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


async def reply(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Send a whole response; its headers are those of JSON unless others are given."""
    given = JSON_HEADERS if headers is None else headers
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*given, length]})
    await send({"type": "http.response.body", "body": body})


async def reply_error(
    scope: Scope,
    receive: Receive,
    send: Send,
    error: RopewayError,
    *,
    body: bytes | None = None,
    status: int | None = None,
    media: str = "",
) -> None:
    """Send an error by its class; where the body was not read, take in some of the rest of it.

    Args:
        scope: the request.
        receive: the rest of it.
        send: where to.
        error: what is told.
        body: the same in another protocol's words.
        status: likewise.
        media: the type of that body, where it is not JSON.
    """
    body = error_body(error) if body is None else body
    status = error.http_status if status is None else status
    headers = [(b"content-type", media.encode()), *SAFETY_HEADERS] if media else list(JSON_HEADERS)
    allowed = getattr(error, "allowed", None)
    if allowed:
        headers.append((b"allow", ", ".join(allowed).encode()))
    headers += getattr(error, "headers", [])
    if not isinstance(error, BodyTooLarge | RequestTimeout):
        await reply(send, status, body, headers)
        return
    headers += [(b"connection", b"close"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": scope["method"] != "HEAD"})
    if scope["method"] != "HEAD":
        # The answer is out. Closing now would reset the connection under a sender in mid-body, who then
        # sees a broken pipe in place of the answer.
        await _throw_away(receive)
        await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Receive) -> None:
    try:
        async with asyncio.timeout(LINGER_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def error_body(error: RopewayError) -> bytes:
    """The JSON of an error, as every face of Ropeway shows it."""
    return msgspec.json.encode({"error": error.to_dict()}, enc_hook=str)
