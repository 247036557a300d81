"""Runs of a server's workspace: kept here first, brought there once, whatever breaks on the way."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import delete
from tests.faults.proxy import Cut, Wire

from ropeway.cli.main import root as cli
from ropeway.core.errors import Unavailable
from ropeway.ledger.tables import point_block, point_source, point_tip
from ropeway.store import SegmentWriter, read_segment
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.tracking.errors import RunElsewhere
from ropeway.tracking.points import list_points
from ropeway.tracking.records import RunSummary
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.search import search_runs
from ropeway.tracking.sent import SentRun, begin_sent, join_sent
from ropeway.tracking.shipment import Shipment
from ropeway.tracking.spool import POINT_TAG, Joins, Spool, decoder
from ropeway.tracking.start import start_run
from ropeway.tracking.sync import sync, waiting
from ropeway.workspace import OpenWorkspace
from ropeway.workspace.remote import RemoteWorkspace

Caller = Callable[..., RemoteWorkspace]

KILLED = """
import os, signal
from ropeway.tracking.session import run

with run(name="killed", c=1) as mine:
    for step in range(300):
        mine.log(step, loss=float(step))
    mine.artifact("note.txt", "kept")
    os.kill(os.getpid(), signal.SIGKILL)
"""


RANK = """
import os
from ropeway.tracking.session import run

rank = os.environ["RANK"]
with run() as shared:
    for step in range(50):
        shared.log(step, **{f"loss/{rank}": float(step)})
"""


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run says waits for `sync`, but where the tests are of what runs do by themselves."""
    monkeypatch.setenv("ROPEWAY_OFFLINE", "1")


def found(workspace: OpenWorkspace, run: str) -> RunSummary:
    [one] = search_runs(workspace, where=f"id = '{run}'")
    return one


def steps(workspace: OpenWorkspace, run: str, key: str = "loss") -> list[int | None]:
    return [point.step for point in list_points(workspace, run=run, key=key, limit=100_000)]


def logged(workspace: RemoteWorkspace, many: int = 500) -> SentRun:
    """A run that has ended, and waits."""
    with begin_sent(workspace, name="waits", params={"c": 0.5}) as run:
        for step in range(many):
            run.log(step, loss=1 / (step + 1))
        run.set(late=3)
        run.artifact("plots/note.txt", "hello")
    return run


def until(is_so: Callable[[], object]) -> None:
    for _ in range(3_000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def moment_of(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def age(spool: Path, by_us: int) -> None:
    """Write a spool anew, what it says of begin and end earlier."""
    segment = read_segment(spool)
    spool.unlink()
    writer = SegmentWriter(spool, segment.header)
    for frame in segment.records:
        if frame[0] == POINT_TAG:
            writer.append(frame)
            continue
        record = decoder.decode(frame)
        writer.append(msgspec.msgpack.encode(msgspec.structs.replace(record, at_us=record.at_us - by_us)))
    writer.close()


def test_a_run_whose_server_is_gone_waits_whole_and_is_brought_once(serve, caller: Caller):
    server = serve()
    ana = caller(server.url)
    server.kill()
    run = logged(ana)
    [kept] = waiting(ana.root)
    assert (kept.run, kept.address, kept.is_alive) == (run.id, server.url, False)
    assert [each.state for each in sync(ana.root)] == ["waits"]
    assert recover_runs(ana) == []
    server.start()
    assert [each.state for each in sync(ana.root)] == ["brought"]
    assert sync(ana.root) == []
    one = found(caller(server.url), run.id)
    assert (one.status, one.name, one.params) == ("finished", "waits", {"c": 0.5, "late": 3})
    assert (one.metrics["loss"], list(one.artifacts)) == (1 / 500, ["plots/note.txt"])
    assert steps(caller(server.url), run.id) == list(range(500))


def test_a_process_that_was_killed_is_told_as_interrupted_with_all_that_it_said(served, caller: Caller):
    ana = caller(served.url)
    words = [sys.executable, "-c", KILLED]
    here = {**os.environ, "ROPEWAY_WORKSPACE": served.url, "ROPEWAY_AS": "ana"}
    assert subprocess.run(words, cwd=ana.root, env=here, check=False).returncode == -9
    [done] = sync(ana.root)
    one = found(ana, done.run)
    assert (done.state, one.status, one.params, list(one.artifacts)) == (
        "brought", "interrupted", {"c": 1}, ["note.txt"],
    )  # fmt: skip
    assert steps(ana, done.run) == list(range(300))


def test_a_run_is_dated_by_when_it_was_and_not_by_when_it_came(served, caller: Caller):
    ana = caller(served.url)
    run = logged(ana, many=1)
    [kept] = waiting(ana.root)
    age(kept.path, by_us=3_600_000_000)
    assert [each.state for each in sync(ana.root)] == ["brought"]
    one = found(ana, run.id)
    assert one.started_at == moment_of(kept.at_us - 3_600_000_000)
    assert one.ended_at is not None
    assert 0 <= (one.ended_at - one.started_at).total_seconds() < 600


def test_through_a_wire_that_breaks_every_point_comes_once(served, caller: Caller):
    wire = Wire("127.0.0.1", int(served.url.rpartition(":")[2]))
    ana = caller(wire.url)
    for direction in ("request", "response"):
        for after in (0, 700, 3_000, 8_000):
            wire.plan(Cut(direction, after, "reset"))
    run = logged(ana)
    while sync(ana.root):
        pass
    wire.close()
    assert len(wire.struck) >= 4
    assert steps(caller(served.url), run.id) == list(range(500))
    assert found(caller(served.url), run.id).metrics["loss"] == 1 / 500


def test_a_server_killed_in_the_middle_goes_on_from_what_it_has(serve, caller: Caller):
    server = serve()
    ana = caller(server.url)
    server.kill()
    run = logged(ana, many=2_000)
    server.start()
    [kept] = waiting(ana.root)
    shipment = Shipment(ana, kept.path, at_once=50)

    def kill() -> None:
        until(lambda: shipment.points >= 300)
        server.kill()
        had.append(shipment.points)
        server.start()

    had: list[int] = []
    killer = threading.Thread(target=kill)
    killer.start()
    assert shipment.bring()
    killer.join()
    assert had[0] < 2_000
    assert steps(caller(server.url), run.id) == list(range(2_000))


def test_what_was_read_and_could_not_be_brought_is_brought_by_the_next_try(serve, caller: Caller):
    """Once, the second try found nothing more to read, and the spool went with points that nobody had."""
    server = serve()
    ana = caller(server.url)
    with start_run(ana, name="shared") as run:
        part = join_sent(ana, run.id)
        shipment = Shipment(ana, part._spool.path)
        assert not shipment.bring()
        for step in range(100):
            part.log(step, loss=float(step))
        server.kill()
        with pytest.raises(Unavailable):
            shipment.bring()
        server.start()
        part.finish()
        assert shipment.bring()
    assert steps(ana, run.id) == list(range(100))


def test_a_server_that_was_set_back_is_brought_what_it_has_no_more(tmp_path: Path):
    """Once, what it had acknowledged was not looked at again, and went with the spool."""
    with make_workspace(tmp_path / "server") as workspace, start_run(workspace) as run:
        spool = Spool(workspace.home, run.id, "part_1")
        spool.write(Joins(1, "http://127.0.0.1:1", "ana"))
        for step in range(10):
            spool.write_point(step, {"loss": float(step)})
        shipment = Shipment(workspace, spool.path)
        assert not shipment.bring()
        with workspace.ledger.transaction() as transaction:
            for table in (point_source, point_block, point_tip):
                transaction.connection.execute(delete(table))
        spool.leave()
        assert shipment.bring()
        assert steps(workspace, run.id) == list(range(10))


def test_two_at_once_who_cut_differently_bring_each_point_once(served, caller: Caller):
    ana = caller(served.url)
    run = logged(ana, many=3_000)
    [kept] = waiting(ana.root)
    shipments = [Shipment(ana, kept.path, at_once=many) for many in (70, 110)]
    threads = [threading.Thread(target=shipment.bring) for shipment in shipments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not kept.path.exists()
    assert steps(ana, run.id) == list(range(3_000))


def test_what_is_refused_stays_and_the_refusal_says_what_to_do(served, caller: Caller):
    ana = caller(served.url, toml='[project]\nname = "another"\n')
    run = logged(ana)
    result = CliRunner().invoke(cli, ["-C", str(ana.root), "sync"])
    assert result.exit_code == 3
    assert "refused" in result.output
    assert "check --workspace, ROPEWAY_WORKSPACE" in result.output
    (ana.root / "ropeway.toml").write_text(MINIMAL_PROJECT)
    result = CliRunner().invoke(cli, ["-C", str(ana.root), "sync", "--json"])
    assert result.exit_code == 0
    assert steps(caller(served.url), run.id) == list(range(500))


def test_threads_and_forked_children_say_each_point_once(served, caller: Caller):
    ana = caller(served.url)

    def work(name: str) -> None:
        for step in range(200):
            run.log(step, **{name: float(step)})

    with begin_sent(ana) as run:
        child = os.fork()
        if not child:
            code = 1
            try:
                run.log(loss=1.0)
            except RunElsewhere:
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        threads = [threading.Thread(target=work, args=(f"thread{each}",)) for each in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sync(ana.root)
    for each in range(4):
        assert steps(ana, run.id, f"thread{each}") == list(range(200))


def test_a_living_run_is_seen_at_the_server_and_is_brought_by_itself(
    served, caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    ana = caller(served.url)
    earlier = logged(ana)
    monkeypatch.delenv("ROPEWAY_OFFLINE")
    with begin_sent(ana, name="seen") as run:
        run.log(1, loss=0.5)
        until(lambda: search_runs(ana, where="name = 'seen'") and steps(ana, run.id))
        assert found(ana, run.id).status == "running"
        until(lambda: [each.is_alive for each in waiting(ana.root)] == [True])
        assert steps(ana, earlier.id) == list(range(500))
        assert [each.state for each in sync(ana.root)] == ["alive"]
    until(lambda: waiting(ana.root) == [])
    assert found(ana, run.id).status == "finished"


def test_the_ranks_of_one_job_share_a_run_whoever_comes_first(served, caller: Caller):
    ana = caller(served.url)
    there = {**os.environ, "ROPEWAY_WORKSPACE": served.url, "ROPEWAY_AS": "ana", "ROPEWAY_RUN": "run_job-7"}
    ranks = [
        subprocess.Popen([sys.executable, "-c", RANK], cwd=ana.root, env={**there, "RANK": str(rank)})
        for rank in (2, 1, 0)
    ]
    assert [rank.wait() for rank in ranks] == [0, 0, 0]
    assert {each.state for each in sync(ana.root)} == {"brought"}
    for rank in range(3):
        assert steps(ana, "run_job-7", f"loss/{rank}") == list(range(50))
    assert found(ana, "run_job-7").status == "finished"
