"""Transfers that were killed or cut off go on where they were, and nobody sees half of anything."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from between import bring_files, noise
from tests.faults.proxy import Cut, Direction, Wire
from tests.store.backends.servers import KEYS, make_bucket, moto_server

from ropeway.data.add import add
from ropeway.keeping.operations import fsck
from ropeway.remotes.operations import fetch, pull, push, remote_status
from ropeway.store.errors import BackendUnavailable
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

PUSHER = Path(__file__).parent / "pusher.py"
LARGE = 12_000_000
CUTS = 25
TRIES = 30


def add_large(workspace: LocalWorkspace) -> None:
    folder = workspace.root / "large"
    folder.mkdir()
    (folder / "one.bin").write_bytes(noise(LARGE))
    add(workspace, folder)


def killed(verb: str, workspace: LocalWorkspace, at: int) -> None:
    words = [sys.executable, str(PUSHER), verb, str(workspace.root), str(at)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_push_that_is_killed_shows_nothing_and_goes_on_where_it_was(alpha, beta):
    add_large(alpha)
    for at in (2, 9):
        killed("push", alpha, at)
        assert fetch(beta, refs_only=True).versions == []
    made = push(alpha, everything=True)
    assert 0 < made.raw_bytes < LARGE - 1_000_000
    pull(beta, everything=True)
    assert fsck(beta).is_sound


def test_a_pull_that_is_killed_records_nothing_and_goes_on_where_it_was(alpha, beta):
    add_large(alpha)
    push(alpha, everything=True)
    killed("pull", beta, 8)
    assert list_events(beta) == []
    taken = pull(beta, everything=True)
    assert 0 < taken.read_bytes < LARGE - 1_000_000
    assert fsck(beta).is_sound


def test_what_a_kill_left_there_is_no_version_and_does_no_harm(alpha, beta, hub):
    bring_files(alpha)
    killed("push", alpha, 3)
    assert list((hub / "blobs" / "packs").iterdir())
    assert not (hub / "blobs" / "refs").exists()
    assert remote_status(beta, verify=True).is_sound


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with a bucket; what is broken is not tried again by itself."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ropeway.store.backends.s3.RETRIES", 0)
    with moto_server(tmp_path) as address:
        make_bucket(address, "cut")
        yield address


@contextmanager
def behind_a_cable(folder: Path, bucket: str, direction: Direction) -> Iterator[tuple[LocalWorkspace, Wire]]:
    """A project that reaches the bucket by a cable which breaks within the bytes of packs, a few times."""
    place = urlsplit(bucket)
    wire = Wire(str(place.hostname), int(place.port or 0))
    for _ in range(CUTS):
        wire.plan(Cut(direction, 400_000, "reset"))
    toml = (
        f'[project]\nname = "{folder.name}"\n[remote.cloud]\nurl = "s3://cut/team"\nendpoint = "{wire.url}"\n'
    )
    try:
        with make_workspace(folder, toml=toml) as workspace:
            yield workspace, wire
    finally:
        wire.close()


def times_cut_off(act: Callable[[], object]) -> int:
    """How often the same command has to be repeated until it comes through."""
    for times in range(TRIES):
        try:
            act()
        except BackendUnavailable:
            continue
        return times
    raise AssertionError("it never came through")


def test_a_cut_cable_stops_a_transfer_and_the_same_command_goes_on(tmp_path, bucket):
    with (
        behind_a_cable(tmp_path / "alpha", bucket, "request") as (alpha, up),
        behind_a_cable(tmp_path / "beta", bucket, "response") as (beta, down),
    ):
        add_large(alpha)
        assert times_cut_off(lambda: push(alpha, everything=True)) > 0
        # What is cut while it comes down is asked for again by itself, from where it was cut.
        times_cut_off(lambda: pull(beta, everything=True))
        assert up.struck
        assert down.struck
        assert fsck(beta).is_sound
