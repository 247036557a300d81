"""Signing in with a browser: a token for a cookie, and which requests that cookie counts for."""

from http.cookies import SimpleCookie

import httpx
import pytest
from tests.server.conftest import Server
from tests.server.test_auth import Start, bearer, code, issue

from ropeway.members.operations import add_member, revoke_any
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events


@pytest.fixture
def served(workspace: LocalWorkspace, start_server: Start) -> Server:
    add_member(workspace, name="ana", role="admin")
    return start_server()


@pytest.fixture
def token(served: Server) -> str:
    return issue(served.workspace, "ana")


def sign_in(served: Server, token: str, **headers: str) -> httpx.Response:
    reply = served.client.post("/api/v1/session", headers={**bearer(token), **headers})
    served.client.cookies.clear()
    return reply


def cookie_of(reply: httpx.Response) -> dict[str, str]:
    return {"cookie": reply.headers["set-cookie"].partition(";")[0]}


def test_a_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get(
    served: Server, token: str
) -> None:
    reply = sign_in(served, token)
    (name, morsel), *_ = SimpleCookie(reply.headers["set-cookie"]).items()
    assert name == "ropeway_session"
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Strict", "/")
    assert 0 < int(morsel["max-age"]) <= 12 * 3600
    assert morsel.value not in reply.text
    assert (reply.json()["name"], reply.json()["auth"]) == ("ana", "session")
    assert len(list_events(served.workspace, verb="token-issued")) == 1


def test_beyond_loopback_the_cookie_is_secure_and_bound_to_its_host(
    workspace: LocalWorkspace, start_server: Start
) -> None:
    add_member(workspace, name="ana", role="admin")
    served = start_server(answers_to=lambda host: host == "ropeway.example.com")
    said = sign_in(served, issue(workspace, "ana"), host="ropeway.example.com").headers["set-cookie"]
    assert said.startswith("__Host-ropeway_session=")
    assert said.endswith("; Secure")
    assert code(sign_in(served, issue(workspace, "ana"))) == (421, "misdirected-request")


def test_a_session_reads_and_changes_something_only_from_this_services_pages(
    served: Server, token: str
) -> None:
    cookie = cookie_of(sign_in(served, token))
    assert served.client.get("/api/v1/me", headers=cookie).json()["auth"] == "session"
    ask = {"name": "ben", "role": "viewer"}
    assert code(served.call("members.add", headers=cookie, **ask)) == (403, "cookie-refused")
    page = {**cookie, "sec-fetch-site": "same-origin", "origin": served.url}
    assert served.call("members.add", headers=page, **ask).status_code == 200
    assert list_events(served.workspace, verb="member-added", newest=True)[-1].auth == "session"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "http://evil.com"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_session_counts_for_no_other_page(
    shared_session: tuple[Server, dict[str, str]], method: str, foreign: dict[str, str]
) -> None:
    served, cookie = shared_session
    for path in ("/api/v1/me", "/api/v1/session", "/api/v1/members.add"):
        assert served.client.request(method, path, headers={**cookie, **foreign}).status_code == 403


@pytest.fixture(scope="module")
def shared_session(shared_server: Server) -> tuple[Server, dict[str, str]]:
    add_member(shared_server.workspace, name="ana", role="admin")
    return shared_server, cookie_of(sign_in(shared_server, issue(shared_server.workspace, "ana")))


def test_signing_out_ends_the_session_and_takes_the_cookie_back(served: Server, token: str) -> None:
    page = {**cookie_of(sign_in(served, token)), "sec-fetch-site": "same-origin"}
    out = served.client.delete("/api/v1/session", headers=page)
    assert "Max-Age=0" in out.headers["set-cookie"]
    over = served.client.get("/api/v1/me", headers=page)
    assert code(over) == (401, "session-over")
    assert "Max-Age=0" in over.headers["set-cookie"]
    assert served.client.get("/api/v1/me", headers=bearer(token)).status_code == 200


def test_revoking_the_token_ends_its_sessions(served: Server, token: str) -> None:
    cookie = cookie_of(sign_in(served, token))
    revoke_any(served.workspace, token=token.split("_")[1])
    assert code(served.client.get("/api/v1/me", headers=cookie)) == (401, "session-over")


def test_a_session_begins_no_other_and_two_cookies_are_none(served: Server, token: str) -> None:
    page = {**cookie_of(sign_in(served, token)), "sec-fetch-site": "same-origin"}
    assert code(served.client.post("/api/v1/session", headers=page)) == (401, "sign-in-required")
    twice = {"cookie": f"{page['cookie']}; {page['cookie']}"}
    assert served.client.get("/api/v1/me", headers=twice).status_code == 401


def test_a_wrong_token_is_not_made_up_for_by_a_cookie(served: Server, token: str) -> None:
    cookie = cookie_of(sign_in(served, token))
    reply = served.client.get("/api/v1/me", headers={**cookie, **bearer("rw_wrong")})
    assert code(reply) == (401, "token-refused")
