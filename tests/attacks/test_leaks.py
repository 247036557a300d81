"""C10: filters reach what is declared, and an error tells nothing of the machine or a neighbour."""

import secrets
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.leaks import attempts, told
from tests.attacks.seed import seeded
from tests.attacks.town import OCTETS, Town
from tests.postgres import PostgresServer

from ropeway.ledger.tables import projected, recorded
from ropeway.server import objects
from ropeway.testing import MINIMAL_PROJECT

SAMPLE = 1_500
FIELDS = {"status", "name", "kind", "started_at", "ended_at", "duration", "id", "person"}
FIELDS |= {"experiment", "lifecycle"}
DECLARED = FIELDS | {f"run.{field}" for field in FIELDS}


def test_hostile_arguments_to_any_operation_are_the_callers_mistake_and_tell_nothing(town: Town) -> None:
    # Told where the test fails: `ROPEWAY_ATTACK_SEED=...` asks the same again.
    with seeded() as random:
        for each in random.sample(list(attempts()), SAMPLE):
            assert told(town, each) == ""


def test_an_object_that_a_caller_names_and_that_is_not_there_is_their_mistake(town: Town) -> None:
    absent = "0" * 64
    asked = {"ref": "mood@1", "rows": 1, "judged_rows": 1, "learnt_part": "a", "judged_part": "b"}
    reply = town.call("models.record-reference", profile=absent, **asked)
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "unknown-object")
    assert town.call("models.register", name="mood", package=absent).status_code == 404


def test_an_object_that_is_no_folder_is_the_mistake_of_who_names_it_as_one(town: Town) -> None:
    other = town.keep(b"no listing")
    for path, asked in (("models.register", {"name": "mood"}), ("models.adopt", {"ref": "mood@1"})):
        reply = town.call(path, package=other, **asked)
        assert (reply.status_code, reply.json()["error"]["code"]) == (422, "other-object")


def columns() -> set[str]:
    """Every column of every table, as itself, of its table, and as an object mapper would walk to it."""
    found = {"user__password", "person__name", "token__digest", "sqlite_master", "rowid", "oid", "ctid"}
    for table in (*recorded.tables.values(), *projected.tables.values()):
        for column in table.columns:
            found |= {column.name, f"{table.name}.{column.name}", f"{table.name}__{column.name}"}
    return found


def test_a_filter_and_an_order_reach_declared_fields_only(town: Town) -> None:
    asked = columns() | DECLARED
    assert {"digest", "token.digest", "event_payload.value", "session.digest"} <= asked
    taken = {
        column
        for column in asked
        for arguments in ({"where": f"{column} = 'x'"}, {"sort": [column]}, {"sort": [f"-{column}"]})
        if town.call("runs.search", "viewer", **arguments).status_code == 200
    }
    assert taken == DECLARED


def test_a_damaged_object_is_told_of_without_its_place(town: Town) -> None:
    digest = town.keep(b"to be damaged" * 1_000)
    for path in (town.workspace.home / "objects").rglob("*"):
        if path.is_file() and path.parent.name + path.name == digest:
            path.chmod(0o600)
            path.write_bytes(b"other bytes")
    reply = town.ask("GET", f"/api/v1/objects/{digest}", "viewer")
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "object-damaged")
    assert str(town.root) not in reply.text


def test_a_full_disk_is_told_of_without_its_place(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(objects.tempfile, "NamedTemporaryFile", full)
    reply = town.ask("PUT", "/api/v1/objects", "contributor", content=b"x", headers=OCTETS)
    assert (reply.status_code, reply.json()["error"]["code"]) == (507, "out-of-space")
    assert str(town.root) not in reply.text
    assert "'tmp'" in reply.text.replace(".ropeway/", "")


def test_a_job_that_fails_tells_no_place(town: Town) -> None:
    job = town.call("data.diff", before="none@1", after="none@2").json()["job"]
    while (found := town.ask("GET", f"/api/v1/jobs/{job}", "admin").json())["state"] == "running":
        pass
    assert found["state"] == "failed"
    assert str(town.root) not in str(found)


def test_a_project_file_that_is_broken_is_told_of_without_its_place(tmp_path: Path) -> None:
    town = Town(tmp_path)
    (tmp_path / "ropeway.toml").write_text("[project\nname = 1")
    reply = town.call("workspace.project", "viewer")
    town.close()
    assert reply.json()["error"]["code"] == "project-invalid"
    assert str(tmp_path) not in reply.text


@pytest.mark.slow
def test_two_projects_in_one_database_see_nothing_of_each_other_and_its_end_tells_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgresServer()
    password = f"pw{secrets.token_hex(8)}"
    monkeypatch.setenv("PGPASSWORD", password)
    towns = [
        Town(tmp_path / name, f'{MINIMAL_PROJECT}\n[workspace]\nledger = "{database.schema()}"\n')
        for name in ("one", "two")
    ]
    one, two = towns
    digest = one.keep(b"what only one has")
    one.call("tracking.start", run="run_of_one", kind="run", code=digest, environment=digest, host={})
    for name in ("ledger.events", "members.list", "runs.search", "tokens.list-all", "jobs.list"):
        seen = two.call(name).text
        assert one.tokens["admin"].split("_")[1] not in seen
        assert "run_of_one" not in seen
    assert two.call("runs.search", one.tokens["admin"]).status_code == 401
    assert two.ask("GET", f"/api/v1/objects/{digest}", "admin").status_code == 404
    database.stop()
    for town in towns:
        reply = town.call("models.list")
        assert reply.status_code in (500, 503), reply.text
        assert not [
            each for each in (password, "postgresql://", "127.0.0.1", str(tmp_path)) if each in reply.text
        ]
    for town in towns:
        town.close()
    database.start()
    database.destroy()
