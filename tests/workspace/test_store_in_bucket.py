"""A workspace whose objects are in a bucket: the line, two machines, kills, a bucket that goes away."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from models_projects import HALVES_PIPELINE, HALVES_TOML
from tests.postgres import PostgresServer
from tests.store.backends.servers import KEYS, make_bucket, nanio_server

from ropeway.core.ids import Digest
from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.keeping.backup import back_up
from ropeway.keeping.doctor.signs import Sign
from ropeway.keeping.erase.operations import erase_rows, finish_erasures
from ropeway.keeping.mend import mend
from ropeway.keeping.operations import doctor, fsck, gc, move_store, offload
from ropeway.keeping.restore import restore
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.store.errors import BackendUnavailable, StoreElsewhere
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.local import open_kept_local
from ropeway.workspace.place import store_address

TOML = '[project]\nname = "trial"\n[workspace]\nstore = "{store}"\n'
SHARED = TOML + 'ledger = "{ledger}"\n'
ROWS = ["id,x,label", *(f"{row},{row / 4},{'low' if row < 120 else 'high'}" for row in range(240))]


@pytest.fixture(scope="module")
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nanio_server(tmp_path_factory.mktemp("nanio")) as address:
        make_bucket(address, "bucket")
        yield address


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


@pytest.fixture
def workspace(tmp_path: Path, hub: Path) -> Iterator[LocalWorkspace]:
    with make_workspace(tmp_path / "one", toml=TOML.format(store=hub), clock=FixedClock()) as made:
        yield made


def bring(workspace: LocalWorkspace, rows: list[str] = ROWS, name: str = "numbers") -> Digest:
    path = workspace.root / f"{name}.csv"
    path.write_text("\n".join(rows) + "\n")
    return add(workspace, path, name=name).version.version


def wipe(workspace: LocalWorkspace) -> None:
    for folder in ("objects", "packs", "cache"):
        shutil.rmtree(workspace.home / folder)


def there(workspace: LocalWorkspace) -> set[Digest]:
    return set(workspace.store.bucket.digests())


@pytest.mark.slow
def test_the_line_goes_on_in_a_bucket_though_the_copies_are_deleted(
    nanio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": nanio, "ROPEWAY_STORE": "s3://bucket/line"}.items():
        monkeypatch.setenv(name, value)
    with make_workspace(
        tmp_path / "line", toml=HALVES_TOML, files={"pipeline.py": HALVES_PIPELINE.format("low", "high")}
    ) as first:
        bring(first)
        wipe(first)
    with LocalWorkspace(first.root, actor="ana") as second:
        run_pipeline(second)
        wipe(second)
    with LocalWorkspace(first.root, actor="ana") as third:
        assert register(third).ref == "halves@1"
        assert fsck(third).findings == []
    assert not list((first.root / ".ropeway").glob("objects/*/*")) or there(third)


def test_two_machines_share_a_ledger_and_a_bucket(
    tmp_path: Path, hub: Path, postgres: PostgresServer
) -> None:
    toml = SHARED.format(store=hub, ledger=postgres.schema())
    with (
        make_workspace(tmp_path / "one", toml=toml) as one,
        make_workspace(tmp_path / "two", toml=toml) as two,
    ):
        version = bring(one)
        assert load(two, resolve(two, "numbers")).height == 240
        shutil.copytree(one.root / "contracts", two.root / "contracts")
        second = bring(two, [*ROWS, "240,60,high"])
        assert load(one, resolve(one, "numbers")).height == 241
        assert gc(two).marked == 0
        assert {version, second} <= there(one)
        assert fsck(one).findings == fsck(two).findings == []


def test_a_collection_marks_and_a_later_one_removes(workspace: LocalWorkspace) -> None:
    dead = workspace.store.put(b"dead")
    workspace.store.ship()
    bring(workspace)
    long_ago = time.time() - 30 * 86_400
    os.utime(workspace.store.open_path(dead), (long_ago, long_ago))
    first = gc(workspace)
    assert (first.marked, first.removed, first.collection) == (1, 0, "")
    assert dead in there(workspace)
    workspace.clock.advance(seconds=25 * 3600)
    again = gc(workspace)
    assert (again.removed, again.collection != "") == (1, True)
    assert dead not in there(workspace)
    assert not workspace.store.has(dead)
    assert fsck(workspace).findings == []


def test_a_copy_of_what_was_collected_need_not_be_there_until_it_is_needed(tmp_path: Path, hub: Path) -> None:
    toml = TOML.format(store=hub) + "[retention]\ndataset_versions = 1\n"
    with make_workspace(tmp_path / "one", toml=toml, clock=FixedClock()) as workspace:
        first = bring(workspace)
        bring(workspace, ROWS[:-1])
        long_ago = time.time() - 30 * 86_400
        for _ in range(2):
            for digest in workspace.store.copies():
                os.utime(workspace.store.open_path(digest), (long_ago, long_ago))
            gc(workspace)
            workspace.clock.advance(seconds=25 * 3600)
        assert first not in there(workspace)
        # As who is killed before the event leaves it.
        assert workspace.store.put("\n".join([*ROWS, ""]).encode()) == first
        assert fsck(workspace).findings == []


KILLED = """
import os, signal, sys
from pathlib import Path
from ropeway.workspace import LocalWorkspace
workspace = LocalWorkspace(Path(sys.argv[1]), actor="ana")
digest = workspace.store.put(b"contract")
if sys.argv[2] == "shipped":
    workspace.store.ship()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["put", "shipped"])
def test_killed_before_the_event_nothing_is_referred_to_that_is_not_there(
    workspace: LocalWorkspace, when: str
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(workspace.root), when], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(there(workspace)) == (when == "shipped")
    assert fsck(workspace).findings == []
    digest = workspace.store.put(b"contract")
    bring(workspace)
    assert digest in there(workspace)


def test_a_command_says_that_the_bucket_is_away_and_goes_through_once_it_is_back(
    workspace: LocalWorkspace, hub: Path
) -> None:
    bring(workspace)
    hub.rename(hub.with_name("away"))
    with LocalWorkspace(workspace.root, actor="ana") as again:
        assert load(again, resolve(again, "numbers")).height == 240
        with pytest.raises(BackendUnavailable, match="no such folder"):
            bring(again, ROWS[:100])
        hub.with_name("away").rename(hub)
        again.store.bucket._failed = None
        version = bring(again, ROWS[:100])
        assert version in there(again)


def test_a_setting_that_changes_does_not_lose_the_objects(tmp_path: Path, hub: Path) -> None:
    with make_workspace(tmp_path / "one") as local:
        version = bring(local)
        (local.root / "ropeway.toml").write_text(TOML.format(store=hub))
        with pytest.raises(StoreElsewhere, match="are in 'local'"):
            LocalWorkspace(local.root, actor="ana")
        with open_kept_local(local.root) as mover:
            assert move_store(mover, to=str(hub)).objects >= 3
        with pytest.raises(StoreElsewhere):
            bring(local, ROWS[:50])
    with LocalWorkspace(local.root, actor="ana") as moved:
        assert version in there(moved)
        assert fsck(moved).findings == []
        wipe(moved)
    with open_kept_local(local.root) as mover:
        move_store(mover, to="local")
    (local.root / "ropeway.toml").write_text('[project]\nname = "trial"\n')
    with LocalWorkspace(local.root, actor="ana") as back:
        assert load(back, resolve(back, "numbers")).height == 240


def test_what_was_moved_away_from_a_bucket_can_be_moved_back(workspace: LocalWorkspace, hub: Path) -> None:
    bring(workspace)
    with open_kept_local(workspace.root) as mover:
        move_store(mover, to="local")
    with open_kept_local(workspace.root) as mover:
        move_store(mover, to=str(hub))
    with LocalWorkspace(workspace.root, actor="ana") as again:
        assert fsck(again).findings == []


def test_copies_go_and_come_again(workspace: LocalWorkspace) -> None:
    version = bring(workspace)
    done = offload(workspace)
    assert (done.objects > 0, done.freed_bytes > 0) == (True, True)
    assert not workspace.store.has_copy(version)
    assert load(workspace, resolve(workspace, "numbers")).height == 240
    assert workspace.store.has_copy(version)


def test_what_the_bucket_has_lost_is_named_and_brought_again_from_here(
    workspace: LocalWorkspace, hub: Path
) -> None:
    version = bring(workspace)
    for folder in ("packs", "index"):
        for path in (hub / "blobs" / folder).iterdir():
            if path.suffix in (".pack", ".idx"):
                path.unlink()
    with LocalWorkspace(workspace.root, actor="ana") as again:
        report = fsck(again)
        assert version in {each.digest for each in report.findings}
        assert mend(again, report, None).after.findings == []
        assert version in there(again)


def test_an_erasure_takes_from_the_bucket_and_then_from_copies_elsewhere(
    tmp_path: Path, hub: Path, postgres: PostgresServer
) -> None:
    toml = SHARED.format(store=hub, ledger=postgres.schema())
    with (
        make_workspace(tmp_path / "one", toml=toml) as one,
        make_workspace(tmp_path / "two", toml=toml) as two,
    ):
        version = bring(one)
        load(two, resolve(two, "numbers"))
        done = erase_rows(one, dataset="numbers", keys=["17"])
        assert done.plan is not None
        assert any("erase finish there" in each for each in done.plan.unreached)
        assert version not in there(one)
        assert two.store.has_copy(version)
        finish_erasures(two)
        assert not two.store.has_copy(version)
        assert version not in there(two)
        assert fsck(two).findings == []


def test_a_backup_has_the_objects_though_no_copy_is_here(workspace: LocalWorkspace, tmp_path: Path) -> None:
    bring(workspace)
    offload(workspace)
    assert back_up(workspace, tmp_path / "backup").missing == []
    shutil.rmtree(tmp_path / "hub")
    made = restore(tmp_path / "backup", tmp_path / "again", name="latest", actor="ana")
    assert made.objects >= 3
    with pytest.raises(StoreElsewhere, match="store move"):
        LocalWorkspace(tmp_path / "again", actor="ana")
    with open_kept_local(tmp_path / "again") as mover:
        move_store(mover, to=str(tmp_path / "hub"))
    with LocalWorkspace(tmp_path / "again", actor="ana") as restored:
        assert fsck(restored).findings == []


def test_the_doctor_writes_to_the_store_and_reads_it(workspace: LocalWorkspace, hub: Path) -> None:
    bring(workspace)
    assert _sign(workspace).verdict == "ok"
    assert not list((hub / "blobs" / "probe").iterdir())
    shutil.rmtree(hub)
    with LocalWorkspace(workspace.root, actor="ana") as again:
        assert (_sign(again).verdict, "no such folder" in _sign(again).says) == ("fail", True)


def test_the_environment_goes_before_the_setting_and_keys_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / ".ropeway"
    (tmp_path / "ropeway.toml").write_text(TOML.format(store="../hub"))
    assert store_address(home) == str(tmp_path.parent / "hub")
    monkeypatch.setenv("ROPEWAY_STORE", "s3://bucket/prefix/")
    assert store_address(home) == "s3://bucket/prefix"
    monkeypatch.setenv("ROPEWAY_STORE", "local")
    assert store_address(home) == ""


def _sign(workspace: LocalWorkspace) -> Sign:
    return next(sign for sign in doctor(workspace).signs if sign.name == "store")
