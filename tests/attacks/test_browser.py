"""C7: a page of somebody else, in a browser on this machine, gets nothing done and reads nothing.

Held against both doors, each with every path that it has and every method there is. What a session's cookie
counts for is in `tests/server/test_session.py`.
"""

from typing import Any

import pytest
from tests.attacks.town import Answer, Town, head, send

from ropeway.workspace.operations import list_events

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
HOSTS = (
    "evil.com",
    "127.0.0.1.evil",
    "127.0.0.1.evil:80",
    "localhost.evil.com",
    "evil.com:127.0.0.1",
    "127.0.0.1@evil.com",
    "127.0.0.1:80@evil.com",
    "evil.com#127.0.0.1",
    "evil.com/127.0.0.1",
    "localhost.",
    "0.0.0.0",
    "127.1",
    "2130706433",
    "0x7f000001",
    "[::2]",
    "[127.0.0.1",
    "169.254.169.254",
    "",
)
FOREIGN = (
    {"origin": "http://evil.com"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://127.0.0.1.evil"},
    {"origin": "file://"},
    {"origin": "chrome-extension://abc"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "SAME-ORIGIN"},
    {"origin": "http://evil.com", "sec_fetch_site": "same-origin"},
)
FORMS = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/json",
    "-",
)
OF_TOWN = ("/health", "/docs", "/openapi.json", "/api/v1/me", "/api/v1/session", "/api/v1/objects")
OF_TOWN += ("/api/v1/models.list", "/api/v1/members.add", "/api/v1/ledger.follow", "/api/v1/jobs/x", "/none")
OF_SERVICE = ("/predict", "/feedback", "/health", "/openapi.json", "/docs", "/", "/none")


@pytest.fixture(params=["server", "service"])
def door(request: pytest.FixtureRequest, town: Town) -> tuple[int, tuple[str, ...]]:
    """A port, and what is behind it."""
    if request.param == "server":
        return town.port, OF_TOWN
    service: Any = request.getfixturevalue("service")
    return service.port, OF_SERVICE


def opens(answer: Answer) -> bool:
    """Whether a browser would let the page have it."""
    return "access-control-" in answer.head


@pytest.mark.parametrize("method", METHODS)
def test_a_request_for_another_host_is_refused_on_every_path(
    door: tuple[int, tuple[str, ...]], method: str
) -> None:
    port, paths = door
    for number, host in enumerate(HOSTS):
        path = paths[number % len(paths)]
        reply = send(port, head(method, path, host=host, content_length=0))
        assert reply.status in (421, 400), (path, host, reply)
    for path in paths:
        assert send(port, head(method, path, host="evil.com", content_length=0)).status == 421
        assert send(port, head(method, path, host="-", content_length=0)).status == 400
        two = head(method, path, host="-", content_length=0).replace(
            b"\r\n", b"\r\nhost: 127.0.0.1\r\nhost: evil.com\r\n", 1
        )
        assert send(port, two).status == 400, path


@pytest.mark.parametrize("method", METHODS)
def test_a_request_of_another_page_is_refused_on_every_path(
    door: tuple[int, tuple[str, ...]], method: str
) -> None:
    port, paths = door
    for number, foreign in enumerate(FOREIGN):
        for path in paths[number % 3 :: 3]:
            reply = send(port, head(method, path, host=f"127.0.0.1:{port}", content_length=0, **foreign))
            assert reply.status == 403, (path, foreign, reply)
            assert not opens(reply)


def test_no_answer_lets_another_page_read_it(door: tuple[int, tuple[str, ...]], town: Town) -> None:
    port, paths = door
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
    for path in paths:
        for origin in (f"http://127.0.0.1:{port}", "http://evil.com", "null"):
            token = f"Bearer {town.tokens['viewer']}"
            for method in ("OPTIONS", "HEAD"):
                named = {"origin": origin, "host": f"127.0.0.1:{port}", "authorization": token, **asks}
                assert not opens(send(port, head(method, path, content_length=0, **named))), (path, origin)


@pytest.mark.parametrize("form", FORMS)
def test_what_a_form_can_send_is_read_nowhere(town: Town, service: Any, form: str) -> None:
    body = b'{"name": "eve", "role": "admin"}'
    token = f"Bearer {town.tokens['admin']}"
    said = {"authorization": token, "content_type": form, "content_length": len(body)}
    before = len(list_events(town.workspace, limit=1_000))
    for path in (
        "/api/v1/members.add",
        "/api/v1/models.list",
        "/api/v1/workspace.gc",
        "/api/v1/ledger.follow",
    ):
        reply = send(town.port, head("POST", path, **said), body)
        assert (reply.status, reply.code) == (415, "unsupported-content"), path
    assert send(town.port, head("PUT", "/api/v1/objects", **said), body).status == 415
    assert len(list_events(town.workspace, limit=1_000)) == before
    for path in ("/predict", "/feedback"):
        reply = send(service.port, head("POST", path, **said), b'{"text": "good"}' + b" " * 16)
        assert reply.status == 415, path
    assert service.health()["predictions"] == 0


def test_a_cookie_of_another_name_or_form_is_no_session(town: Town) -> None:
    given = town.ask("POST", "/api/v1/session", "viewer").headers["set-cookie"]
    value = given.partition("=")[2].partition(";")[0]
    assert town.ask("GET", "/api/v1/me", headers={"cookie": f"ropeway_session={value}"}).status_code == 200
    for cookie in (
        f"__Host-ropeway_session={value}",
        f"Ropeway_Session={value}",
        f"session={value}",
        f"ropeway_session={town.tokens['viewer']}",
        f'ropeway_session="{value}"',
        f"ropeway_session={value}; ropeway_session={value}x",
        f"x=1, ropeway_session={value}",
    ):
        assert town.ask("GET", "/api/v1/me", headers={"cookie": cookie}).status_code in (401, 429), cookie
