"""Two folders, as on two machines, with one ledger in PostgreSQL."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.postgres import PostgresServer

from ropeway.core.ids import new_id
from ropeway.labels.events import GuidePublished
from ropeway.ledger.errors import IdempotencyMismatch, LedgerUnreachable
from ropeway.testing import make_workspace
from ropeway.workspace import Context, LocalWorkspace, operation
from ropeway.workspace.errors import LeaseHeld, LeaseLost
from ropeway.workspace.lease import Lease, take_lease
from ropeway.workspace.operations import list_events

TOML = '[project]\nname = "trial"\n[workspace]\nledger = "{ledger}"\n'
calls: list[str] = []


@operation("replica.publish", kind="command", permission="replica:write")
def publish(context: Context, *, name: str, cut: str = "") -> str:
    calls.append(name)
    if cut and len(calls) == 1:
        with psycopg.connect(cut, autocommit=True) as admin:
            context.begin()
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
    version = context.store.put(new_id("guide").encode())
    context.append(GuidePublished(name=name, version=version))
    return f"{name} {len(calls)}"


@pytest.fixture
def replicas(tmp_path: Path, postgres: PostgresServer) -> Iterator[list[LocalWorkspace]]:
    calls.clear()
    toml = TOML.format(ledger=postgres.schema())
    made = [make_workspace(tmp_path / name, toml=toml) for name in ("one", "two")]
    yield made
    for workspace in made:
        workspace.close()


def test_what_one_writes_the_other_reads(replicas: list[LocalWorkspace]) -> None:
    one, two = replicas
    publish(one, name="a")
    publish(two, name="b")
    assert list_events(one, limit=10) == list_events(two, limit=10)
    assert [event.seq for event in list_events(one, limit=10)] == [1, 2, 3]


def test_a_repeated_request_is_answered_by_the_other_as_by_the_first(replicas: list[LocalWorkspace]) -> None:
    one, two = replicas
    assert publish.keyed(one, "key-1", name="a") == "a 1"
    assert publish.keyed(two, "key-1", name="a") == "a 1"
    with pytest.raises(IdempotencyMismatch, match="key-1"):
        publish.keyed(two, "key-1", name="b")


def test_a_lease_is_one_replicas_while_it_lives_and_fences_it_off_after(
    replicas: list[LocalWorkspace],
) -> None:
    one, two = replicas
    first = take_lease(one, "controller")
    with pytest.raises(LeaseHeld, match="controller"):
        take_lease(two, "controller")
    # As when the server has dropped its session: its work is free to be taken, and it is not trusted.
    first._hold.release()
    second = _taken(two)
    with one.fenced(first) as fenced, pytest.raises(LeaseLost, match="controller"):
        publish(fenced, name="late")
    second.release()


def _taken(workspace: LocalWorkspace) -> Lease:
    """The lease, as soon as the server knows that the session of its holder is over."""
    give_up = time.monotonic() + 30
    while True:
        try:
            return take_lease(workspace, "controller")
        except LeaseHeld:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def test_a_command_that_lost_its_connection_is_put_once_more(
    replicas: list[LocalWorkspace], postgres: PostgresServer
) -> None:
    assert publish(replicas[0], name="a", cut=postgres.url) == "a 2"
    assert [event.verb for event in list_events(replicas[0], limit=10)].count("guide-published") == 1


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnreachable, match=r"127\.0\.0\.1:1/"):
        make_workspace(tmp_path, toml=TOML.format(ledger="postgresql://127.0.0.1:1/db"))
