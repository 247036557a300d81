"""Who is let in over real HTTP: tokens, sessions, throttling, and what is written of refusals."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event
from tests.models.models_packages import judge, register
from tests.server.conftest import Server

from ropeway.members.operations import add_member, grant_role, issue_for, list_own_tokens, revoke_any
from ropeway.members.secrets import TOKEN, draw
from ropeway.models.operations import model_history
from ropeway.server.attempts import MAX_ADDRESSES, MAX_WRONG, WINDOW_S, Attempts
from ropeway.server.refusals import FILE, MAX_BYTES, RefusalLog
from ropeway.server.service import own_hosts
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

Start = Callable[..., Server]


def issue(workspace: LocalWorkspace, name: str, **wish: Any) -> str:
    secret = draw(TOKEN)
    issue_for(workspace, name=name, token=secret.id, digest=secret.digest, **wish)
    return secret.text


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


@pytest.fixture
def team(workspace: LocalWorkspace) -> LocalWorkspace:
    """ana is admin, ben approver, cleo viewer."""
    for name, role in (("ana", "admin"), ("ben", "approver"), ("cleo", "viewer")):
        add_member(workspace, name=name, role=role)
    return workspace


def test_a_project_without_members_is_open_but_nobody_makes_members_over_it(server: Server) -> None:
    me = server.client.get("/api/v1/me").json()
    assert (me["name"], me["role"], me["auth"]) == ("ana", None, "none")
    assert server.call("models.list", headers=bearer("rw_whatever")).status_code == 200
    assert code(server.call("members.add", name="eve", role="admin")) == (403, "permission-denied")
    assert code(server.client.post("/api/v1/session")) == (409, "no-members")


def test_from_the_first_member_on_every_request_needs_a_token(server: Server) -> None:
    assert server.call("models.list").status_code == 200
    add_member(server.workspace, name="ana", role="admin")
    refused = server.call("models.list")
    assert code(refused) == (401, "sign-in-required")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert server.client.get("/health").status_code == 200
    token = issue(server.workspace, "ana")
    assert server.call("models.list", headers=bearer(token)).status_code == 200


def test_a_stranger_learns_nothing_of_what_there_is(team: LocalWorkspace, start_server: Start) -> None:
    server = start_server()
    paths = ("/api/v1/models.list", "/api/v1/no.such", "/nowhere", "/docs", "/api/v1/objects/" + "0" * 64)
    replies = [server.client.request(method, path) for path in paths for method in ("GET", "PUT")]
    assert {(each.status_code, each.text) for each in replies} == {(401, replies[0].text)}


def test_who_one_is_is_told_and_recorded_by_the_token(team: LocalWorkspace, start_server: Start) -> None:
    server = start_server()
    token = issue(team, "ana", lasts="1h")
    me = server.client.get("/api/v1/me", headers=bearer(token)).json()
    assert (me["name"], me["role"], me["auth"]) == ("ana", "admin", "token")
    assert me["expires_at"]
    assert "members:write" in me["permissions"]
    assert server.call("members.add", name="dora", role="viewer", headers=bearer(token)).status_code == 200
    last = list_events(team, newest=True, limit=1)[0]
    assert (last.verb, last.by, last.auth) == ("member-added", "ana", "token")


def test_a_change_holds_at_the_next_request_on_every_replica(
    team: LocalWorkspace, start_server: Start
) -> None:
    replicas = [start_server(), start_server()]
    token = issue(team, "ben")

    def seen() -> list[int]:
        ask = {"ref": "none@1"}
        return [each.call("models.approve", headers=bearer(token), **ask).status_code for each in replicas]

    assert seen() == [404, 404]
    grant_role(team, name="ben", role="viewer")
    assert seen() == [403, 403]
    revoke_any(team, token=token.split("_")[1])
    assert seen() == [401, 401]


def test_who_was_recognized_is_looked_up_again_once_something_has_happened(
    team: LocalWorkspace, start_server: Start
) -> None:
    server, token, asked = start_server(), issue(team, "ben"), []

    @event.listens_for(Engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append("FROM token JOIN member" in statement)

    def looks() -> int:
        asked.clear()
        assert server.client.get("/version", headers=bearer(token)).status_code == 200
        return sum(asked)

    try:
        assert [looks(), looks(), looks()] == [1, 0, 0]
        add_member(team, name="dora", role="viewer")
        assert [looks(), looks()] == [1, 0]
    finally:
        event.remove(Engine, "before_cursor_execute", _note)


def test_a_token_whose_time_is_over_is_so_while_nothing_happens(tmp_path: Path) -> None:
    clock = FixedClock()
    with make_workspace(tmp_path, clock=clock) as workspace:
        add_member(workspace, name="ana", role="admin")
        token = issue(workspace, "ana", lasts="1h")
        server = Server(workspace)
        replies = []
        for seconds in (0, 3_599, 1):
            clock.advance(seconds=seconds)
            replies.append(server.call("models.list", headers=bearer(token)).status_code)
        server.stop()
    assert replies == [200, 200, 401]


def test_a_stream_ends_when_its_token_is_revoked(team: LocalWorkspace, start_server: Start) -> None:
    server = start_server()
    token = issue(team, "cleo")
    with server.client.stream("GET", "/api/v1/ledger.follow", headers=bearer(token)) as stream:
        lines = stream.iter_lines()
        next(lines)
        revoke_any(team, token=token.split("_")[1])
        assert list(lines)[-1] == "", "it ends, and the test with it"


def test_a_job_runs_as_who_asked_for_it(team: LocalWorkspace, start_server: Start) -> None:
    server = start_server(allow_execute=True)
    token = issue(team, "cleo")
    job = server.call("workspace.fsck", headers=bearer(token)).json()["job"]
    while server.client.get(f"/api/v1/jobs/{job}", headers=bearer(token)).json()["state"] == "running":
        time.sleep(0.02)
    done = [each for each in list_events(team) if each.subject == f"job:{job}"]
    assert [(each.verb, each.by, each.auth) for each in done] == [
        ("job-accepted", "cleo", "token"),
        ("job-finished", "cleo", "token"),
    ]


def test_ten_wrong_tokens_are_answered_and_the_next_ones_told_to_wait(
    team: LocalWorkspace, start_server: Start
) -> None:
    server = start_server()
    wrong = [server.call("models.list", headers=bearer(draw(TOKEN).text)) for _ in range(MAX_WRONG + 2)]
    assert [each.status_code for each in wrong] == [401] * MAX_WRONG + [429] * 2
    assert 0 < int(wrong[-1].headers["retry-after"]) <= WINDOW_S
    # Who shares the address with whoever that was is not locked out.
    assert server.call("models.list", headers=bearer(issue(team, "cleo"))).status_code == 200


def test_wrong_attempts_are_forgotten_in_time_and_counted_in_bounded_memory() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    assert [attempts.wrong("10.0.0.1") for _ in range(MAX_WRONG + 1)] == [None] * MAX_WRONG + [60]
    now[0] = WINDOW_S
    assert attempts.wrong("10.0.0.1") is None
    for number in range(MAX_WRONG + 1):
        waits = attempts.wrong(f"2001:db8::{number:x}")
    assert waits is not None, "one network is one address"
    for number in range(2 * MAX_ADDRESSES):
        attempts.wrong(f"host-{number}")
    assert len(attempts) == MAX_ADDRESSES


def test_refusals_are_written_to_a_private_file_of_bounded_size(
    team: LocalWorkspace, start_server: Start
) -> None:
    server = start_server()
    token = issue(team, "cleo")
    before = len(list_events(team, limit=1000))
    server.call("models.promote", ref="x@1", headers=bearer(token))
    for _ in range(100):
        server.call("models.promote", headers=bearer(draw(TOKEN).text))
    written = (team.home / FILE).read_text().splitlines()
    first = json.loads(written[0])
    assert (first["code"], first["by"], first["path"]) == (
        "permission-denied",
        "cleo",
        "/api/v1/models.promote",
    )
    assert token.split("_")[2] not in "".join(written)
    assert len(written) < 40
    assert len(list_events(team, limit=1000)) == before
    assert (team.home / FILE).stat().st_mode & 0o777 == 0o600


def test_the_file_of_refusals_turns_over(tmp_path: Path) -> None:
    log = RefusalLog(tmp_path, FixedClock())
    line = {"code": "x", "address": "a", "method": "GET", "by": "b" * 2**16, "token": ""}
    for _ in range(2 * MAX_BYTES // 2**16):
        log.tell(path="/" * 10_000, **line)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 1 <= len(sizes) <= 2
    assert max(sizes) <= MAX_BYTES + 2**17


def test_the_last_use_is_noted_beside_the_request(team: LocalWorkspace, start_server: Start) -> None:
    server = start_server()
    token = issue(team, "ana")
    for _ in range(3):
        server.call("models.list", headers=bearer(token))
    while (used := list_own_tokens(team)[0].used_at) is None:
        time.sleep(0.02)
    assert len(used) == len("2026-05-03T09")


def test_who_proposed_over_the_server_may_not_approve_and_the_evidence_says_who_was_known(
    start_server: Start, workspace: LocalWorkspace
) -> None:
    for name, role in (("ana", "admin"), ("ben", "approver")):
        add_member(workspace, name=name, role=role)
    version = register(workspace)
    judge(workspace, version)
    server = start_server()
    own = server.call("models.approve", ref=version.ref, headers=bearer(issue(workspace, "ana")))
    assert code(own) == (403, "four-eyes")
    other = server.call("models.approve", ref=version.ref, headers=bearer(issue(workspace, "ben")))
    assert (other.status_code, other.json()["approved_by"]) == (200, "ben")
    moves = model_history(workspace, name=version.name).moves
    assert [(each.move, each.by, each.auth) for each in moves if each.move in ("register", "approve")] == [
        ("register", "ana", "none"),
        ("approve", "ben", "token"),
    ]


def test_a_repeated_key_gives_nobody_anothers_answer(team: LocalWorkspace, start_server: Start) -> None:
    server = start_server()
    keyed = {"idempotency-key": "k"}
    ask = {"name": "dora", "role": "viewer"}
    ana = bearer(issue(team, "ana"))
    first = server.call("members.add", headers={**ana, **keyed}, **ask)
    assert server.call("members.add", headers={**ana, **keyed}, **ask).json() == first.json()
    grant_role(team, name="ben", role="admin")
    other = server.call("members.add", headers={**bearer(issue(team, "ben")), **keyed}, **ask)
    assert code(other) == (422, "idempotency-mismatch")


def test_hosts_beside_loopback_are_those_that_were_named() -> None:
    own = own_hosts(["ropeway.example.com"], any_address=False)
    assert [own(host) for host in ("localhost", "ropeway.example.com", "10.0.0.7", "evil.com", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert own_hosts([], any_address=True)("10.0.0.7")
    assert not own_hosts([], any_address=True)("evil.com")
