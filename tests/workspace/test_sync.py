"""Runs of a server's workspace: kept here first, brought there once, whatever breaks on the way."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.faults.wire import Cut, Wire

from ropeway.cli.main import root as cli
from ropeway.core.clock import from_text
from ropeway.tracking.errors import RunElsewhere
from ropeway.tracking.points import list_points
from ropeway.tracking.records import RunSummary
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.search import search_runs
from ropeway.tracking.sent import SentRun, begin_sent, join_sent
from ropeway.tracking.shipment import Shipment
from ropeway.tracking.sync import sync, waiting
from ropeway.workspace import OpenWorkspace
from ropeway.workspace.remote import RemoteWorkspace

NOBODY = "http://127.0.0.1:9"
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


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run's own thread does not bring waits for `sync`, so that sync is what is looked at."""
    monkeypatch.setenv("ROPEWAY_SYNC_WAIT_S", "0")


def away(workspace: RemoteWorkspace, address: str) -> None:
    """Let what waits in a folder be for a server that can be reached by another address."""
    for each in waiting(workspace.root):
        assert each.address == workspace.address
    folder = next((workspace.root / ".ropeway" / "remotes").iterdir())
    assert address
    assert folder.is_dir()


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
    run._courier.join()
    return run


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
