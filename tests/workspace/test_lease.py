"""One process at a time: the killed, the hung, the clock that jumps, and who comes after them."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests import on_postgres

from ropeway.ledger.database.postgres import SessionHold
from ropeway.ledger.database.sqlite import FileHold
from ropeway.ledger.people import PersonIntroduced
from ropeway.models.operations import list_models, promote_model
from ropeway.testing import MINIMAL_PROJECT, FixedClock, make_workspace
from ropeway.workspace import Context, LocalWorkspace, operation
from ropeway.workspace.clock import FileClock
from ropeway.workspace.errors import ClockUnreadable, LeaseHeld, LeaseLost
from ropeway.workspace.lease import TERM, Lease, take_lease

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@operation("test-lease.write", kind="command", permission="test:write")
def write(context: Context, *, name: str) -> int:
    return context.append(PersonIntroduced(person=f"person_{name}", name=name)).seq


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LocalWorkspace]:
    with make_workspace(tmp_path / "p", toml=MINIMAL_PROJECT, clock=FixedClock(START)) as made:
        yield made


def hung(workspace: LocalWorkspace) -> Lease:
    """A lease whose holder lives, keeps its lock, and does nothing."""
    return take_lease(workspace, "controller")


def later(workspace: LocalWorkspace, seconds: float) -> None:
    workspace.clock.advance(seconds=seconds)


def test_a_second_one_is_refused_and_told_who_has_it(workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller") as lease, pytest.raises(LeaseHeld, match="is run by") as caught:
        take_lease(workspace, "controller")
    assert caught.value.facts["holder"] == lease.holder


def test_what_is_let_go_can_be_taken_at_once_with_a_higher_token(workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller") as first:
        pass
    with take_lease(workspace, "controller") as second:
        assert second.token == first.token + 1


def test_two_kinds_of_work_do_not_disturb_each_other(workspace: LocalWorkspace) -> None:
    with take_lease(workspace, "controller"), take_lease(workspace, "other") as other:
        assert other.token == 1


def test_a_hung_holder_is_followed_when_its_term_is_over_and_not_before(workspace: LocalWorkspace) -> None:
    hung(workspace)
    later(workspace, TERM.total_seconds() - 1)
    with pytest.raises(LeaseHeld, match="controller"):
        take_lease(workspace, "controller")
    later(workspace, 1)
    assert take_lease(workspace, "controller").token == 2


def test_renewing_keeps_it_for_another_term(workspace: LocalWorkspace) -> None:
    lease = hung(workspace)
    later(workspace, 50)
    lease.renew()
    later(workspace, 50)
    with pytest.raises(LeaseHeld, match="controller"):
        take_lease(workspace, "controller")


def test_who_was_taken_for_dead_can_write_nothing_more(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    with workspace.fenced(old) as asleep:
        write(asleep, name="before")
        later(workspace, 61)
        new = take_lease(workspace, "controller")
        with pytest.raises(LeaseLost, match="taken over"):
            write(asleep, name="after")
        with workspace.fenced(new) as awake:
            write(awake, name="new")
    with workspace.ledger.reading() as connection:
        names = [fact.event.name for fact in workspace.ledger.facts(connection)]
    assert "after" not in names
    assert {"before", "new"} <= set(names)


def test_who_was_taken_for_dead_can_still_read(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    with workspace.fenced(old) as asleep:
        write(asleep, name="ana")
        later(workspace, 61)
        take_lease(workspace, "controller")
        assert len(list_models(asleep)) == 0
        with pytest.raises(LeaseLost, match="taken over"):
            promote_model(asleep, ref="none@1")


def test_renewing_what_was_lost_is_refused_and_releasing_it_harms_nobody(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    later(workspace, 61)
    new = take_lease(workspace, "controller")
    with pytest.raises(LeaseLost, match="taken over"):
        old.renew()
    old.release()
    new.renew()
    with workspace.fenced(new) as fenced:
        write(fenced, name="new")


def test_the_token_is_checked_inside_the_write_and_not_before_it(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    with workspace.fenced(old) as asleep, asleep._context() as context:
        assert context.read is not None
        later(workspace, 61)
        take_lease(workspace, "controller")
        with pytest.raises(LeaseLost, match="taken over"):
            context.begin()


def test_a_clock_that_jumps_far_ahead_lets_another_one_in(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    later(workspace, timedelta(days=400).total_seconds())
    assert take_lease(workspace, "controller").token == old.token + 1


def test_a_clock_that_jumps_back_does_not_lock_everybody_out(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    later(workspace, -timedelta(days=400).total_seconds())
    assert take_lease(workspace, "controller").token == old.token + 1


def test_who_took_over_from_one_that_hangs_lets_the_next_one_in(workspace: LocalWorkspace) -> None:
    old = hung(workspace)
    later(workspace, 61)
    take_lease(workspace, "controller").release()
    later(workspace, 1)
    assert take_lease(workspace, "controller").token == old.token + 2


@pytest.mark.parametrize("was_held", [False, True])
def test_who_has_the_lock_and_is_about_to_say_so_is_waited_for(
    workspace: LocalWorkspace, *, was_held: bool
) -> None:
    if was_held:
        take_lease(workspace, "controller").release()
    taking = workspace.ledger.try_hold("controller")
    assert taking is not None
    with pytest.raises(LeaseHeld, match="is run by another process now"):
        take_lease(workspace, "controller")
    taking.release()
    assert take_lease(workspace, "controller").token == 1 + was_held


def test_of_many_that_come_at_once_one_gets_it(workspace: LocalWorkspace) -> None:
    got: list[Lease] = []
    refused: list[LeaseHeld] = []
    gate = threading.Barrier(8)

    def come() -> None:
        gate.wait()
        try:
            got.append(take_lease(workspace, "controller"))
        except LeaseHeld as error:
            refused.append(error)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)


HOLD = """
import sys, time
from pathlib import Path
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.lease import take_lease
workspace = LocalWorkspace(Path(sys.argv[1]), actor="ana")
lease = take_lease(workspace, "controller")
print(lease.token, flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[LocalWorkspace, "subprocess.Popen[str]", int]]:
    """Another process that holds the lease."""
    with make_workspace(tmp_path / "real", toml=MINIMAL_PROJECT) as workspace:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(workspace.root)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        token = int(process.stdout.readline())
        yield workspace, process, token
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_killed_holder_is_known_at_once(holder) -> None:
    workspace, process, token = holder
    with pytest.raises(LeaseHeld, match=f":{process.pid}:"):
        take_lease(workspace, "controller")
    process.send_signal(signal.SIGKILL)
    process.wait()
    with taken_when_known(workspace) as lease:
        assert lease.token == token + 1


def taken_when_known(workspace: LocalWorkspace) -> Lease:
    """The lease at once; from PostgreSQL as soon as its server finds the connection gone, before any term."""
    until = time.monotonic() + TERM.total_seconds() / 2
    while True:
        try:
            return take_lease(workspace, "controller")
        except LeaseHeld:
            if not on_postgres.is_asked_for() or time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_a_stopped_holder_is_not_taken_for_dead_before_its_time(holder) -> None:
    workspace, process, token = holder
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(LeaseHeld, match="controller"):
        take_lease(workspace, "controller")
    ahead = FixedClock(datetime.now(UTC) + TERM)
    with LocalWorkspace(workspace.root, actor="ben", clock=ahead) as other:
        lease = take_lease(other, "controller")
        assert lease.token == token + 1
        # Its lock is the stopped one's still: what counts is the token.
        assert lease._hold is None
        lease.renew()
    process.send_signal(signal.SIGCONT)


def test_the_lock_goes_with_a_process_and_not_to_its_children(holder) -> None:
    workspace, _, _ = holder
    with LocalWorkspace(workspace.root, actor="ana") as own, take_lease(own, "other") as lease:
        child = subprocess.run(
            [sys.executable, "-c", "import os; os.fstat(int(os.sys.argv[1]))", str(descriptor_of(lease))],
            check=False,
            capture_output=True,
        )
        assert child.returncode != 0
        is_file = isinstance(lease._hold, FileHold)
    assert (workspace.home / "other.lock").exists() == is_file


def descriptor_of(lease: Lease) -> int:
    """Of what the lock goes with: an open file, or a connection to PostgreSQL."""
    if isinstance(lease._hold, FileHold):
        return lease._hold._descriptor
    assert isinstance(lease._hold, SessionHold)
    return lease._hold._connection.connection.dbapi_connection.fileno()


def test_one_that_cannot_put_on_record_that_it_is_done_lets_go_all_the_same(
    workspace: LocalWorkspace,
) -> None:
    clock = FileClock(workspace.root / "clock")
    clock.set(START)
    with LocalWorkspace(workspace.root, actor="ben", clock=clock) as ben:
        lease = take_lease(ben, "controller")
        clock.path.write_text("nobody knows")
        with pytest.raises(ClockUnreadable, match="clock"):
            lease.release()
        clock.set(START)
        with take_lease(ben, "controller") as again:
            assert again.token > lease.token
