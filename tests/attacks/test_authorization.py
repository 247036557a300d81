"""C5: what a caller may not do, they may not do by another spelling, key, stream, job or digest either.

The written policy and the matrix of routes and callers are in `tests/server`; here a random part of all of it
is gone through, and what lies beside it is tried over real HTTP.
"""

import secrets
from pathlib import Path

import pytest
from tests.attacks.seed import seeded
from tests.attacks.town import OCTETS, Town, head, send
from tests.server.matrix import Cast, Doorway, differences, every_ask, spellings
from tests.server.test_roles import ours

from ropeway.members.secrets import TOKEN, draw
from ropeway.workspace.connection import ACTOR
from ropeway.workspace.operations import list_events

SAMPLE = 3_000
HIDDEN = "/api/v1/members.add"
"""What a viewer may not ask."""
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND")


def test_a_random_part_of_the_whole_matrix_is_as_the_policy_says(tmp_path: Path) -> None:
    with seeded() as random:
        asks = random.sample(list(every_ask()), SAMPLE)
        cast = Cast(tmp_path)
        count, found = differences(Doorway(cast.workspace, ours().values()), cast, asks)
        cast.workspace.close()
        assert (count, found) == (SAMPLE, [])


def targets(path: str) -> list[str]:
    """A path in every way that a request may write it."""
    return [
        *spellings(path),
        path.replace(".", "%2E"),
        path.replace("a", "%61"),
        path.replace("/", "%252f"),
        path.replace("/", "\\"),
        f"http://evil.com{path}",
        f"{path}#/health",
        f"{path}?x=/health",
        f"/health/..{path}",
        f"{path}%0d%0a",
        f"{path}%20",
        "*",
    ]


@pytest.mark.parametrize("path", [HIDDEN, "/api/v1/models.promote", "/api/v1/objects"])
def test_no_spelling_of_a_path_lets_a_viewer_or_a_stranger_in(town: Town, path: str) -> None:
    token = f"Bearer {town.tokens['viewer']}"
    events = len(list_events(town.workspace, limit=1_000))
    for target in targets(path):
        method = "PUT" if path.endswith("objects") else "POST"
        types = {"content_type": OCTETS["content-type"], "content_length": 0}
        known = send(town.port, head(method, target, authorization=token, **types))
        assert known.status in (400, 403, 404, 405), (target, known)
        stranger = send(town.port, head(method, target, **types))
        assert (stranger.status, stranger.code) in ((401, "sign-in-required"), (400, "")), target
    assert len(list_events(town.workspace, limit=1_000)) == events


@pytest.mark.parametrize("method", METHODS)
def test_no_method_and_no_header_that_names_one_lets_a_viewer_in(town: Town, method: str) -> None:
    token = f"Bearer {town.tokens['viewer']}"
    extra = {"x_http_method_override": "GET", "x_original_url": "/health", "x_rewrite_url": "/health"}
    reply = send(town.port, head(method, HIDDEN, authorization=token, content_length=0, **extra))
    assert reply.status in (400, 403, 405), reply
    reply = send(town.port, head(method, HIDDEN, content_length=0, **extra))
    assert reply.status in (400, 401), reply


def test_a_name_in_a_header_makes_nobody_somebody_else(town: Town) -> None:
    names = {ACTOR: "admin", "x-forwarded-user": "admin", "x-remote-user": "admin"}
    assert town.ask("POST", HIDDEN, headers=names, json={}).status_code == 401
    fresh = draw(TOKEN)
    wish = {"token": fresh.id, "digest": fresh.digest}
    issued = town.ask("POST", "/api/v1/tokens.issue", "viewer", headers=names, json=wish).json()
    assert (issued["member"], issued["issued_by"]) == ("viewer", "viewer")
    me = town.ask("GET", "/api/v1/me", "viewer", headers=names).json()
    assert (me["name"], me["role"]) == ("viewer", "viewer")


def test_a_stream_is_for_who_may_read_the_ledger(town: Town) -> None:
    narrow = town.token("admin", only=["data:read"])
    for headers in ({}, {"last-event-id": "0"}, {"accept": "text/event-stream"}):
        reply = town.ask("GET", "/api/v1/ledger.follow", narrow, headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "permission-denied")


def test_an_object_is_for_who_may_read_objects_and_no_other_learns_whether_it_is_there(town: Town) -> None:
    digest = town.keep(b"what was brought")
    narrow = town.token("admin", only=["data:read", "jobs:read"])
    for method in ("GET", "HEAD"):
        there = town.ask(method, f"/api/v1/objects/{digest}", narrow)
        absent = town.ask(method, f"/api/v1/objects/{'0' * 64}", narrow)
        assert (there.status_code, there.text) == (403, absent.text)
    assert town.call("objects.sizes", narrow, digests=[digest]).status_code == 403
    assert town.ask("GET", f"/api/v1/objects/{digest}", "viewer").status_code == 200


def finished(town: Town, job: str) -> None:
    while town.ask("GET", f"/api/v1/jobs/{job}", "admin").json()["state"] == "running":
        pass


def test_a_jobs_answer_is_for_who_may_ask_its_question(town: Town) -> None:
    # Whoever might read jobs was given the answer of every one: rows of data, what gc would throw away.
    job = town.call("workspace.gc", dry_run=True).json()["job"]
    finished(town, job)
    for token in ("viewer", "operator", town.token("admin", only=["jobs:read"])):
        for reply in (town.ask("GET", f"/api/v1/jobs/{job}", token), town.call("jobs.get", token, job=job)):
            assert (reply.status_code, reply.json()["error"]["code"]) == (403, "permission-denied")
    assert town.ask("GET", f"/api/v1/jobs/{job}", "admin").json()["state"] == "finished"
    assert [each["id"] for each in town.call("jobs.list", "viewer").json()].count(job) == 1


def test_a_jobs_key_gives_nobody_anothers_job(town: Town) -> None:
    key = {"idempotency-key": secrets.token_hex(8)}
    ask = {"headers": key, "json": {"share": 0.5}}
    first = town.ask("POST", "/api/v1/workspace.fsck", "admin", **ask)
    assert town.ask("POST", "/api/v1/workspace.fsck", "admin", **ask).json() == first.json()
    other = town.ask("POST", "/api/v1/workspace.fsck", "viewer", **ask)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency-mismatch")
    finished(town, first.json()["job"])


def test_a_narrowed_token_gets_itself_no_wider_one(town: Town) -> None:
    for wish in ({"role": "viewer"}, {"read_only": True}, {"only": ["data:read", "models:read"]}):
        narrow = town.token("admin", **wish)
        for name in ("tokens.issue", "tokens.issue-for", "members.grant", "tokens.revoke-any"):
            assert town.call(name, narrow).status_code == 403
        assert town.ask("POST", "/api/v1/session", narrow).status_code == 200
