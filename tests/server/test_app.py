"""Operations over real HTTP: the same checks, answers and errors as a local call."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropeway.core.ids import JobId, PersonId, new_id
from ropeway.ledger.errors import IdempotencyMismatch
from ropeway.ledger.people import PersonIntroduced
from ropeway.server.errors import UndeclaredPermission
from ropeway.server.jobs import accept_job
from ropeway.server.routes import FIXED, make_routes
from ropeway.workspace import Context, LocalWorkspace, Operation, rooms
from ropeway.workspace.operation import OPERATIONS


def introduce(context: Context, *, name: str) -> str:
    """A command that really writes."""
    return context.append(PersonIntroduced(person=PersonId(new_id("person")), name=name)).id


def test_a_query_answers_to_post_and_to_get(shared_server: Any) -> None:
    asked = shared_server.call("trial.add-up", numbers=[1, 2], times=2)
    assert (asked.status_code, asked.json()) == (200, {"total": 6, "of": [1, 2]})
    got = shared_server.client.get("/api/v1/trial.add-up?numbers=1&numbers=2&times=2")
    assert got.json() == asked.json()
    assert shared_server.client.get("/api/v1/trial.add-up?numbers=4").json()["total"] == 4


def test_wrong_arguments_are_refused_as_a_local_call_refuses_them(shared_server: Any) -> None:
    for reply in (
        shared_server.call("trial.add-up", numbers="x"),
        shared_server.call("trial.add-up", nubmers=[1]),
        shared_server.call("trial.add-up"),
        shared_server.client.get("/api/v1/trial.add-up?numbers=x"),
    ):
        assert (reply.status_code, reply.json()["error"]["code"]) == (422, "bad-arguments")


@pytest.mark.parametrize("after", [b"1e400", b"NaN", b"1" + b"0" * 30])
def test_numbers_that_no_database_holds_are_refused(shared_server: Any, after: bytes) -> None:
    reply = shared_server.client.post(
        "/api/v1/ledger.events",
        content=b'{"after":' + after + b"}",
        headers={"content-type": "application/json"},
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "not-canonical")
    if after.isdigit():
        assert shared_server.client.get(f"/api/v1/ledger.events?after={after.decode()}").status_code == 422


def test_an_error_of_ours_keeps_its_code_status_and_next_step(shared_server: Any) -> None:
    reply = shared_server.call("trial.clash")
    assert reply.status_code == 409
    assert reply.json()["error"]["next_step"] == "ropeway status"


def test_an_unforeseen_error_says_nothing_of_itself(
    shared_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    reply = shared_server.call("trial.crash")
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in reply.text
    assert "conftest" not in reply.text
    assert "secret" in caplog.text


def test_unknown_operations_and_paths_are_told_what_there_is(shared_server: Any) -> None:
    lost = shared_server.call("trial.ad-up", numbers=[])
    assert (lost.status_code, lost.json()["error"]["code"]) == (404, "unknown-operation")
    assert "Did you mean 'trial.add-up'?" in lost.json()["error"]["what"]
    assert shared_server.client.get("/nowhere").json()["error"]["code"] == "unknown-path"
    assert shared_server.client.get("/api/v1/objects/{digest}").status_code == 422
    wrong = shared_server.client.get("/api/v1/trial.clash")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


def test_a_command_with_a_key_is_done_once(server: Any) -> None:
    server.app.routes |= make_routes([Operation("trial.introduce", "command", "trial:write", introduce)])
    first = server.call("trial.introduce", name="ben", headers={"idempotency-key": "k1"})
    again = server.call("trial.introduce", name="ben", headers={"idempotency-key": "k1"})
    assert first.json() == again.json()
    other = server.call("trial.introduce", name="carl", headers={"idempotency-key": "k1"})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency-mismatch")
    named = [each for each in server.call("ledger.events").json() if each["verb"] == "person-introduced"]
    assert len(named) == 2


@pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(shared_server: Any, key: str) -> None:
    reply = shared_server.call("trial.clash", headers={"idempotency-key": key})
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "bad-idempotency-key")


def test_a_route_without_a_permission_stops_the_start(workspace: Any) -> None:
    for permission in ("", "anyone", None):
        silent = Operation("trial.silent", "query", permission, introduce)
        with pytest.raises(UndeclaredPermission, match="silent"):
            make_routes([silent])


def test_every_operation_of_every_room_has_a_route_with_its_permission() -> None:
    rooms.load_operations()
    routes = make_routes(OPERATIONS.values())
    assert len(routes) == len(OPERATIONS) + len(FIXED)
    for each in OPERATIONS.values():
        assert routes[f"/api/v1/{each.name}"].permission == each.permission


def test_openapi_describes_every_operation(shared_server: Any) -> None:
    document = shared_server.client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    described = {each["post"]["operationId"] for each in document["paths"].values() if "post" in each}
    assert described >= set(OPERATIONS) | {"trial.add-up"}
    add_up = document["paths"]["/api/v1/trial.add-up"]["post"]
    reference = add_up["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][reference]["required"] == ["numbers"]
    names = set(document["components"]["schemas"])
    used = set(json.dumps(document).split("#/components/schemas/")[1:])
    assert {each.partition('"')[0] for each in used} <= names


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/api/v1/trial.add-up", "/api/v1/objects", "/docs", "/nowhere"])
def test_foreign_callers_are_refused_on_every_method_and_path(
    shared_server: Any, method: str, path: str
) -> None:
    ask = shared_server.client.request
    assert ask(method, path, headers={"host": "evil.com"}).status_code == 421
    for origin in ("http://evil.com", "null"):
        assert ask(method, path, headers={"origin": origin}).status_code == 403
    assert ask(method, path, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_only_json_of_a_bounded_size_and_depth_is_taken(shared_server: Any) -> None:
    post = shared_server.client.post
    json_type = {"content-type": "application/json"}
    assert (
        post("/api/v1/trial.clash", content="a=b", headers={"content-type": "text/plain"}).status_code == 415
    )
    assert post("/api/v1/trial.clash", content=b"[" * 100_000, headers=json_type).status_code == 400
    assert post("/api/v1/trial.clash", content=b"[]", headers=json_type).status_code == 400
    assert post("/api/v1/trial.clash", content=b"x" * (2**24 + 1), headers=json_type).status_code == 413


def test_an_object_goes_in_and_out_by_its_digest(shared_server: Any) -> None:
    octets = {"content-type": "application/octet-stream"}
    data = b"<script>alert(1)</script>" * 100_000
    kept = shared_server.client.put("/api/v1/objects", content=data, headers=octets).json()
    assert kept["size_bytes"] == len(data)
    got = shared_server.client.get(f"/api/v1/objects/{kept['digest']}")
    assert got.content == data
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in got.headers["content-security-policy"]
    assert shared_server.client.head(f"/api/v1/objects/{kept['digest']}").headers["content-length"] == str(
        len(data)
    )


@pytest.mark.parametrize(
    "name", ["0" * 64, "../../ledger.db", "..%2f..%2fledger.db", "%2e%2e", "x", "0" * 63 + "G"]
)
def test_a_name_that_is_no_known_digest_opens_nothing(shared_server: Any, name: str) -> None:
    assert shared_server.client.get(f"/api/v1/objects/{name}").status_code in (404, 422)


def test_an_object_over_the_limit_leaves_nothing_behind(start_server: Callable[..., Any]) -> None:
    server = start_server(object_bytes=1000)
    octets = {"content-type": "application/octet-stream"}
    for body in (b"x" * 2000, iter([b"x" * 600, b"x" * 600])):
        reply = server.client.put("/api/v1/objects", content=body, headers=octets)
        assert reply.status_code == 413
    assert list((server.workspace.home / "tmp").iterdir()) == []
    wrong = server.client.put("/api/v1/objects", content=b"x", headers={"content-type": "text/html"})
    assert wrong.status_code == 415


def events_of(reply: httpx.Response, count: int) -> list[tuple[int, dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = []
    cursor = 0
    for line in reply.iter_lines():
        if line.startswith("id: "):
            cursor = int(line[4:])
        elif line.startswith("data: "):
            found.append((cursor, json.loads(line[6:])))
            if len(found) == count:
                break
    return found


def test_a_stream_sends_events_with_cursors_and_resumes_after_one(server: Any) -> None:
    server.app.routes |= make_routes([Operation("trial.introduce", "command", "trial:write", introduce)])
    for name in ("ben", "carl", "dora"):
        server.call("trial.introduce", name=name)
    with server.client.stream("GET", "/api/v1/ledger.follow") as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        first = events_of(reply, 4)
    assert [cursor for cursor, _ in first] == [1, 2, 3, 4]
    with server.client.stream("GET", "/api/v1/ledger.follow", headers={"last-event-id": "2"}) as reply:
        assert events_of(reply, 2) == first[2:]
    with server.client.stream("POST", "/api/v1/ledger.follow", json={"after": 3}) as reply:
        assert events_of(reply, 1) == first[3:]


def test_a_stream_that_fails_says_so_in_the_stream(shared_server: Any) -> None:
    with shared_server.client.stream("GET", "/api/v1/trial.grow") as reply:
        text = "".join(reply.iter_lines())
    assert "event: error" in text
    assert "counted enough" in text


def test_the_thread_of_a_stream_ends_with_its_client(server: Any) -> None:
    def followers() -> int:
        return sum(thread.name == "ropeway-stream" for thread in threading.enumerate())

    with server.client.stream("GET", "/api/v1/ledger.follow") as reply:
        next(reply.iter_lines())
        assert followers() >= 1
    for _ in range(200):
        if followers() == 0:
            return
        threading.Event().wait(0.05)
    raise AssertionError("it still follows")


def wait_for_end(server: Any, job: str) -> dict[str, Any]:
    for _ in range(500):
        found: dict[str, Any] = server.client.get(f"/api/v1/jobs/{job}").json()
        if found["state"] != "running":
            return found
        threading.Event().wait(0.02)
    raise AssertionError("it never ended")


def test_a_job_is_refused_unless_the_server_may_execute(shared_server: Any) -> None:
    reply = shared_server.call("trial.work")
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "execute-not-allowed")


def test_a_job_is_accepted_at_once_and_its_result_is_kept(start_server: Callable[..., Any]) -> None:
    server = start_server(allow_execute=True)
    accepted = server.call("trial.work", how_long_s=0.05)
    assert accepted.status_code == 202
    assert accepted.headers["location"] == f"/api/v1/jobs/{accepted.json()['job']}"
    done = wait_for_end(server, accepted.json()["job"])
    assert (done["state"], done["result"], done["error"]) == ("finished", {"total": 1, "of": []}, None)
    failed = wait_for_end(server, server.call("trial.work", fails=True).json()["job"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "conflict")
    assert [each["state"] for each in server.call("jobs.list").json()] == ["failed", "finished"]


def test_a_job_with_a_key_is_started_once(start_server: Callable[..., Any]) -> None:
    server = start_server(allow_execute=True)
    jobs = [server.call("trial.work", headers={"idempotency-key": "k"}).json()["job"] for _ in range(3)]
    assert len(set(jobs)) == 1
    wait_for_end(server, jobs[0])
    assert len(server.call("jobs.list").json()) == 1


def test_a_jobs_key_with_other_arguments_is_refused(start_server: Callable[..., Any]) -> None:
    # The second caller was given the first one's job, and its result, for a question that was not asked.
    server = start_server(allow_execute=True)
    key = {"idempotency-key": "k"}
    job = server.call("trial.work", headers=key).json()["job"]
    refused = server.call("trial.work", headers=key, fails=True)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "idempotency-mismatch")
    again = server.call("trial.work", headers=key, how_long_s=0, fails=False)
    assert again.json()["job"] == job
    wait_for_end(server, job)


def test_a_jobs_key_is_its_callers_own(start_server: Callable[..., Any]) -> None:
    server = start_server(allow_execute=True)
    server.call("trial.work", headers={"idempotency-key": "k"})
    [job] = server.call("jobs.list").json()
    with (
        LocalWorkspace(server.workspace.root, actor="somebody-else") as other,
        pytest.raises(IdempotencyMismatch, match="by another caller"),
    ):
        accept_job(
            other, job=job["id"], operation="trial.work", server="s",
            arguments={"how_long_s": 0.0, "fails": False},
        )  # fmt: skip
    wait_for_end(server, job["id"])


def test_wrong_arguments_start_no_job(start_server: Callable[..., Any]) -> None:
    server = start_server(allow_execute=True)
    assert server.call("trial.work", how_long_s="long").status_code == 422
    assert server.call("jobs.list").json() == []


def test_an_unknown_job_is_said_to_be_so(shared_server: Any) -> None:
    reply = shared_server.client.get(f"/api/v1/jobs/{JobId('job_none')}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown-job")


QUIET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUE = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
)
NAMES = st.sampled_from(["after", "limit", "subject", "verb", "newest", "name", "prediction", "job", "x"])


@QUIET
@given(
    st.sampled_from(["ledger.events", "serving.prediction", "jobs.get", "trial.add-up"]),
    st.dictionaries(NAMES, VALUE, max_size=3),
)
def test_no_arguments_whatsoever_make_a_query_fail(shared_server: Any, name: str, arguments: Any) -> None:
    body = json.dumps(arguments).encode()
    reply = shared_server.client.post(
        f"/api/v1/{name}", content=body, headers={"content-type": "application/json"}
    )
    assert reply.status_code in (200, 400, 404, 422)
