"""A workspace from afar: the same operations, the same errors, nothing lost or doubled on the way."""

import math
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.faults.proxy import Cut, Wire, draw_cut

from ropeway.cli.main import root
from ropeway.core.hashing import digest_bytes
from ropeway.data.errors import DatasetNotFound
from ropeway.data.operations import record_split, resolve_version
from ropeway.store import Store
from ropeway.store.errors import BadDigest, ObjectMissing
from ropeway.tracking.operations import list_points, search_runs
from ropeway.tracking.start import start_run
from ropeway.workspace import OpenWorkspace, open_local, open_workspace
from ropeway.workspace.errors import BadArguments, NeedsFiles, OtherProject
from ropeway.workspace.operations import follow_events, list_events, object_sizes
from ropeway.workspace.remote import RemoteWorkspace
from ropeway.workspace.remote_store import RemoteStore

Caller = Callable[..., OpenWorkspace]


def test_a_run_from_afar_is_recorded_whole(served, caller: Caller):
    ana = caller(served.url)
    with start_run(ana, name="far", params={"c": 0.5}) as run:
        run.log(1, loss=math.nan, gain=math.inf)
        run.artifact("note.txt", "seen from afar")
    [found] = search_runs(ana, where=f"id = '{run.id}'")
    assert (found.status, found.person, found.params) == ("finished", "ana", {"c": 0.5})
    values = {point.key: point.value for point in list_points(ana, run=run.id)}
    assert math.isnan(values["loss"])
    assert values["gain"] == math.inf
    with open_local(served.root) as there:
        assert there.store.read(digest_bytes(b"seen from afar")) == b"seen from afar"


def test_an_error_from_afar_is_of_its_own_class_with_its_facts(served, caller: Caller):
    with pytest.raises(DatasetNotFound, match="no dataset 'cells'") as raised:
        resolve_version(caller(served.url), reference="cells")
    assert raised.value.exit_code == 4
    with pytest.raises(BadArguments):
        object_sizes(caller(served.url), digests=["x"], more=1)
    with pytest.raises(BadDigest):
        object_sizes(caller(served.url), digests=["../../etc/passwd"])


def test_what_is_put_travels_once_and_only_when_a_command_needs_it(served, caller: Caller):
    ana, ben = caller(served.url), caller(served.url, "ben")
    digest = ana.store.put(b"rows of data")
    assert object_sizes(ben, digests=[digest]) == {}
    start_run(ana).finish()
    assert object_sizes(ben, digests=[digest]) == {digest: 12}
    assert ben.store.has(digest)
    assert ben.store.size(digest) == 12
    assert ben.store.read(digest) == b"rows of data"
    assert ben.store.open_path(digest).is_relative_to(ben.home)


def test_an_object_that_nobody_has_is_missing(served, caller: Caller):
    ana, absent = caller(served.url), digest_bytes(b"never put")
    assert not ana.store.has(absent)
    for ask in (ana.store.read, ana.store.size, ana.store.open_path, ana.store.read_tree):
        with pytest.raises(ObjectMissing):
            ask(absent)


def test_a_folder_comes_back_from_afar_and_of_its_copies_a_damaged_one_anew(
    served, caller: Caller, tmp_path: Path
):
    ana, ben = caller(served.url), caller(served.url, "ben")
    files = {f"{number}.txt": f"page {number}" for number in range(12)}
    (tmp_path / "pages").mkdir()
    for name, text in files.items():
        (tmp_path / "pages" / name).write_text(text)
    tree = ana.store.put_folder(tmp_path / "pages")
    ana.store.restore_folder(tree, tmp_path / "own")
    # What lies in a pack is not unpacked one by one.
    assert not list((ana.store._home / "cache" / "whole").glob("*/*"))
    start_run(ana).finish()
    for to in ("brought", "anew"):
        ben.store.restore_folder(tree, tmp_path / to)
        copy = ben.store.open_path(digest_bytes(b"page 7"))
        copy.chmod(0o600)
        copy.write_text("page 8")
    for to in ("own", "brought", "anew"):
        assert {each.name: each.read_text() for each in (tmp_path / to).iterdir()} == files


def test_the_store_from_afar_inherits_no_method_that_would_look_only_here():
    public = {name for name, value in vars(Store).items() if callable(value) and not name.startswith("_")}
    assert public <= set(vars(RemoteStore))


def test_a_followed_stream_goes_on_where_the_connection_broke(served, caller: Caller):
    wire = Wire("127.0.0.1", int(served.url.rpartition(":")[2]))
    ana = caller(served.url)
    for _ in range(3):
        start_run(ana).finish()
    want = [item.seq for item in list_events(ana, limit=5)]
    for after in (0, 500, 1_000, 1_500, 2_500):
        wire.plan(Cut("response", after, "drop"))
    followed = follow_events(caller(wire.url))
    try:
        assert [next(followed).seq for _ in want] == want
    finally:
        followed.close()
        wire.close()
    assert len(wire.struck) > 2


def test_commands_through_a_wire_that_breaks_happen_once(served, caller: Caller):
    chance, wire = random.Random(7), Wire("127.0.0.1", int(served.url.rpartition(":")[2]))
    begun = []
    for each in range(12):
        cut = draw_cut(chance, request_bytes=2_500, response_bytes=400)
        wire.plan(cut._replace(manner="reset" if cut.manner == "halt" else cut.manner))
        # A connection of its own for each, so that each meets its cut.
        run = start_run(caller(wire.url, f"cut{each}-"))
        run.finish()
        begun.append(run.id)
    wire.close()
    recorded = [run.id for run in search_runs(caller(served.url), limit=1000)]
    assert len(wire.struck) >= 6
    assert [recorded.count(run) for run in begun] == [1] * 12


def test_two_callers_at_once_lose_nothing(served, caller: Caller):
    done: list[str] = []

    def work(workspace: OpenWorkspace) -> None:
        for _ in range(8):
            run = start_run(workspace)
            run.finish()
            done.append(run.id)

    threads = [threading.Thread(target=work, args=(caller(served.url, name),)) for name in ("ana", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorded = {run.id: run.person for run in search_runs(caller(served.url), limit=1000)}
    assert len(done) == 16
    assert {recorded[run] for run in done} == {"ana", "ben"}


def test_a_server_that_is_killed_and_started_again_is_waited_for(serve, caller: Caller):
    server = serve()
    ana = caller(server.url)
    run = start_run(ana)
    server.kill()
    again = threading.Timer(0.5, server.start)
    again.start()
    run.finish()
    again.join()
    assert [found.status for found in search_runs(ana)] == ["finished"]


def test_another_projects_server_is_refused_before_anything_is_written(served, caller: Caller):
    ana = caller(served.url, toml='[project]\nname = "another"\n')
    with pytest.raises(OtherProject, match="project 'another', and the server keeps 'trial'"):
        start_run(ana)
    asked = caller(served.url)
    assert "another" not in str(list_events(asked, limit=1000))


def test_the_rules_are_the_servers_and_the_pipeline_is_the_folders(serve, tmp_path: Path):
    rules = '[project]\nname = "trial"\napproval = "two-person"\n[charter]\nbar = 0.9\n'
    mine = '[project]\nname = "trial"\npipeline = "mine.py"\napproval = "self"\n[charter]\nbar = 0.1\n'
    (tmp_path / "ropeway.toml").write_text(mine + "[params]\nc = 0.5\n")
    told: list[str] = []
    with open_workspace(tmp_path, server=serve(rules).url, tell=told.append) as workspace:
        project = workspace.project
    assert (project.project.approval, project.charter.bar) == ("two-person", 0.9)
    assert (project.project.pipeline, project.params) == ("mine.py", {"c": 0.5})
    assert told == ["ropeway.toml differs from the server's, whose settings count here: [project], [charter]"]


def test_a_guests_event_may_not_name_an_object_that_is_not_there(served, caller: Caller):
    ana, absent = caller(served.url), digest_bytes(b"no such split")
    drawn = {"key": "id", "salt": "1", "train": 0.6, "tune": 0.2, "test": 0.2, "near_duplicates": []}
    figures = {"rows": 1, "parts": {"train": 1}, "clusters": 1, "followed": 0, "bridged": 0}
    split = {"dataset": "cells", "version": absent, "record": absent, "previous": None}
    with pytest.raises(ObjectMissing):
        ana.perform(record_split, {**split, **figures, "settings": {**drawn, "group": None}})


def test_no_list_of_all_objects_is_given_from_afar(served, caller: Caller):
    with pytest.raises(NeedsFiles):
        list(caller(served.url).store.digests())


def test_a_name_of_any_script_acts_from_afar(served, caller: Caller):
    ana = caller(served.url, "Аня O'Neill & søn")
    run = start_run(ana)
    run.finish()
    [found] = search_runs(ana, where=f"id = '{run.id}'")
    assert found.person == "Аня O'Neill & søn"
    assert isinstance(ana, RemoteWorkspace)


def test_login_keeps_no_token_for_a_server_that_asks_for_none(served, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ROPEWAY_CONFIG", str(tmp_path))
    result = CliRunner().invoke(root, ["login", served.url], input="rw_something\n")
    assert result.exit_code == 0
    assert "asks for no token" in result.output
    assert not list(tmp_path.iterdir())
    refused = CliRunner().invoke(root, ["login", served.url], input="two words\n")
    assert getattr(refused.exception, "code", "") == "token-malformed"


def test_status_is_one_question(served, tmp_path: Path, monkeypatch):
    wire = Wire("127.0.0.1", int(served.url.rpartition(":")[2]))
    # A second request would not fit before the cut.
    wire.plan(Cut("request", 600, "reset"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(root, ["--workspace", wire.url, "status"])
    wire.close()
    assert result.exit_code == 0
    assert wire.struck == []
