"""A store of MLflow comes over whole, once, and nothing from outside of it does."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.bringing.stores import BEGAN_MS, CLIENT, ELSEWHERE, GONE, RUN, write_database, write_folder
from tests.server.conftest import Server

from ropeway.bringing.bring import Bringing
from ropeway.bringing.database import DatabaseSource
from ropeway.bringing.errors import NoStoreThere, OutOfReach
from ropeway.bringing.mlflow import bring, open_source
from ropeway.bringing.places import Places
from ropeway.bringing.registry import origin_of
from ropeway.bringing.report import Report
from ropeway.bringing.told import Owner
from ropeway.models.afar.operations import create_entry, get_entry, get_listed, register_foreign
from ropeway.tracking.afar.operations import (
    create_experiment,
    find_tracked,
    get_experiment,
    get_tracked,
    list_run_files,
    look_at_runs,
    metric_history,
)
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace, open_workspace
from ropeway.workspace.operations import list_events

TOML = """
[project]
name = "study"
[environments.production]
"""


@pytest.fixture
def here(project: Callable[..., LocalWorkspace]) -> LocalWorkspace:
    return project(TOML)


def brought(here: LocalWorkspace, given: str, artifacts: Path | None = None) -> Report:
    source = open_source(given, artifacts)
    try:
        return bring(here, source)
    finally:
        source.close()


def said(report: Report) -> str:
    return "\n".join(f"{each.what}: {each.why}" for each in report.left_out)


def test_a_database_comes_with_ids_times_points_and_files(here: LocalWorkspace, tmp_path: Path) -> None:
    report = brought(here, f"sqlite:///{write_database(tmp_path)}")
    assert report.differences == []
    assert report.digest_there == report.digest_here
    assert (report.runs.there, report.runs.here, report.points.here, report.files.here) == (3, 3, 18, 1)
    run = get_tracked(here, run=RUN)
    assert (run.started_ms, run.ended_ms, run.params, run.user) == (
        BEGAN_MS, BEGAN_MS + 9, {"lr": "0.1"}, "ana",
    )  # fmt: skip
    assert [each.step for each in metric_history(here, run=RUN, key="loss").points] == list(range(5))
    assert get_tracked(here, run=GONE).lifecycle == "deleted"
    study = get_experiment(here, name="study")
    assert (study.id, study.created_ms, study.tags) == ("7", BEGAN_MS, {"team": "a"})


def test_it_comes_into_a_workspace_on_a_server_too(here: LocalWorkspace, tmp_path: Path) -> None:
    server = Server(here)
    with open_workspace(server.url, actor="ana") as afar:
        source = open_source(f"sqlite:///{write_database(tmp_path)}")
        report = bring(afar, source)
        source.close()
    server.stop()
    # A point that is not a number and a file are among them.
    assert (report.differences, report.points.here, report.files.here) == ([], 18, 1)
    assert get_tracked(here, run=RUN).ended_ms == BEGAN_MS + 9


def test_the_registry_keeps_its_numbers_and_the_environments_stay_guarded(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    report = brought(here, f"sqlite:///{write_database(tmp_path)}")
    entry = get_entry(here, shown="clf")
    assert (entry.aliases, entry.created_ms) == ({"champion": 3}, BEGAN_MS)
    version = get_listed(here, shown="clf", number=3)
    assert (version.origin, version.created_ms) == (f"mlflow-artifacts:/7/{RUN}/artifacts/plots", BEGAN_MS)
    assert "alias 'production' of 'clf': it is an environment here" in said(report)
    assert "stage 'Production' of version 1 of 'clf': it is an environment here" in said(report)


def test_an_alias_does_not_go_to_another_version_that_has_its_number_here(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    create_entry(here, shown="clf")
    register_foreign(here, shown="clf", origin="mine", told_number=3)
    report = brought(here, f"sqlite:///{write_database(tmp_path)}")
    assert "version 3 of 'clf': another version has this number here" in said(report)
    assert "alias 'champion' of 'clf': another version has its number here, 3" in said(report)
    assert get_entry(here, shown="clf").aliases == {}


def test_what_lies_in_a_bucket_is_named_and_not_opened(here: LocalWorkspace, tmp_path: Path) -> None:
    report = brought(here, f"sqlite:///{write_database(tmp_path)}")
    assert f"the files of run {ELSEWHERE}: its files are at s3://bucket/artifacts" in said(report)


def test_stopped_anywhere_it_goes_on_and_nothing_comes_twice(here: LocalWorkspace, tmp_path: Path) -> None:
    given = f"sqlite:///{write_database(tmp_path)}"

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    source = open_source(given)
    with pytest.raises(KeyboardInterrupt):
        bring(here, source, tell=stop)
    source.close()
    assert brought(here, given).differences == []
    before = len(list_events(here, limit=10_000))
    again = brought(here, given)
    assert (again.differences, again.points.here) == ([], 18)
    # That it was brought again, and nothing else.
    assert len(list_events(here, limit=10_000)) == before + 1


KILLED = """
import os, signal, sys
from ropeway.bringing.mlflow import bring, open_source
from ropeway.tracking.afar import whole
from ropeway.workspace import open_local
kept = whole.record_opened
def opened(context, **told):
    made = kept(context, **told)
    if told["told_id"] == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return made
whole.record_opened = opened
bring(open_local(sys.argv[1]), open_source(sys.argv[3]))
"""


def test_killed_within_a_transaction_it_goes_on_as_if_it_had_not_begun(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    given = f"sqlite:///{write_database(tmp_path)}"
    words = [sys.executable, "-c", KILLED, str(here.root), GONE, given]
    assert subprocess.run(words, check=False, timeout=300).returncode == -signal.SIGKILL
    assert find_tracked(here, experiments=["7"], view="all").runs == []
    report = brought(here, given)
    assert (report.differences, report.runs.here, report.points.here) == ([], 3, 18)


@pytest.mark.skipif(not CLIENT.exists(), reason="no MLflow client: make build/clients/mlflow3/.made")
def test_a_folder_that_the_client_wrote_comes_and_what_points_elsewhere_does_not(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    root = write_folder(tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("secret")
    metas = [each for each in root.glob("*/*/meta.yaml") if "start_time" in each.read_text()]
    first = next(each for each in metas if "run_name: first" in each.read_text())
    for other in metas:
        if other != first:
            (other.parent / "artifacts").mkdir(exist_ok=True)
            (other.parent / "artifacts" / "link.txt").symlink_to(tmp_path / "secret" / "key.txt")
    report = brought(here, str(root))
    assert report.differences == []
    assert (report.runs.here, report.points.here, report.files.here) == (2, 32, 1)
    assert get_tracked(here, run=first.parent.name).params == {"a/b": "x"}
    assert "'link.txt'" in said(report)
    text = first.read_text().replace(f"{root.as_uri()}/", f"{(tmp_path / 'secret').as_uri()}/../secret/")
    first.write_text(text.replace("/artifacts", ""))
    other_place = brought(here, str(root))
    assert "outside of the store" in said(other_place)
    assert [each.path for each in list_run_files(here, run=first.parent.name)] == ["deep"]


@pytest.mark.parametrize(
    "location",
    ["file:///etc", "/etc", "../..", "file:///store/../etc", "mlflow-artifacts:/../../etc", "//host/etc",
     "file://host/etc", "s3://b/k", "dbfs:/x", "file:///store%2f..%2f..%2fetc"],
)  # fmt: skip
def test_a_place_outside_is_refused(tmp_path: Path, location: str) -> None:
    root = tmp_path / "store"
    root.mkdir()
    with pytest.raises(OutOfReach):
        Places([root]).files(Owner("run", RUN, "1", location))


def test_a_store_that_was_moved_has_its_files_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "1" / RUN / "artifacts").mkdir(parents=True)
    (tmp_path / "1" / RUN / "artifacts" / "a.txt").write_text("x")
    told = Owner("run", RUN, "1", f"file:///elsewhere/mlruns/1/{RUN}/artifacts")
    assert [each.path for each in Places([tmp_path]).files(told)] == ["a.txt"]


@pytest.mark.parametrize(
    "given", ["/nowhere/at/all", "sqlite:////nowhere.db", "s3://bucket/x", "ftp://host/"]
)
def test_where_no_store_lies_is_said(given: str) -> None:
    with pytest.raises(NoStoreThere, match="store of MLflow"):
        open_source(given)


def test_an_origin_that_is_no_file_of_the_store_stays() -> None:
    assert origin_of("s3://bucket/x") == "s3://bucket/x"
    assert origin_of("models:/m-" + "a" * 32) == "models:/m-" + "a" * 32
    assert (
        origin_of(f"/x/1/models/m-{'a' * 32}/artifacts")
        == f"mlflow-artifacts:/1/models/m-{'a' * 32}/artifacts"
    )


def test_a_link_beside_a_database_is_not_followed(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "id_rsa").write_text("a key")
    store = tmp_path / "store"
    store.mkdir()
    path = write_database(store)
    (store / "artifacts").symlink_to(private)
    source = DatabaseSource(path)
    for location in (str(store / "artifacts"), str(private)):
        with pytest.raises(OutOfReach, match="outside of the store"):
            source.files(Owner("run", RUN, "7", location))
    assert [each.path for each in source.files(Owner("run", RUN, "7", "."))] == [
        f"7/{RUN}/artifacts/plots/a.txt"
    ]
    source.close()


def test_what_only_has_a_name_or_an_id_of_what_was_deleted_there_stays(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    mine = create_experiment(here, name="study")
    with start_run(here) as own:
        own.log(1, loss=0.5)
    home = tmp_path / "mlruns" / "7"
    (home / own.id).mkdir(parents=True)
    (home / "meta.yaml").write_text("name: study\nlifecycle_stage: deleted\ncreation_time: 5\n")
    (home / own.id / "meta.yaml").write_text("start_time: 5\nstatus: 3\nlifecycle_stage: deleted\n")
    report = brought(here, str(tmp_path / "mlruns"))
    assert "the deletion of experiment 7 ('study'): one of that name was here before, and stays" in said(
        report
    )
    study = get_experiment(here, experiment=mine)
    assert (study.lifecycle, study.created_ms > 5) == ("active", True)
    assert get_tracked(here, run=own.id).lifecycle == "active"


def test_an_experiment_that_was_deleted_there_is_deleted_here_also_by_a_command_that_is_repeated(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    home = tmp_path / "mlruns" / "7"
    home.mkdir(parents=True)
    (home / "meta.yaml").write_text("name: study\nlifecycle_stage: deleted\ncreation_time: 5\n")
    source = open_source(str(tmp_path / "mlruns"))
    # As far as a command comes that is killed before it deletes anything.
    list(Bringing(here, source, lambda _done, _total: None).experiments())
    assert brought(here, str(tmp_path / "mlruns")).left_out == []
    study = get_experiment(here, experiment="7")
    assert (study.lifecycle, study.created_ms) == ("deleted", 5)


def test_any_number_of_runs_is_looked_at(here: LocalWorkspace) -> None:
    own = start_run(here)
    own.finish()
    asked = [f"{number:032x}" for number in range(300_000)]
    found = look_at_runs(here, runs=[*asked, get_tracked(here, run=own.id).hex], points=True)
    assert [each.run.id for each in found] == [own.id]


def test_a_line_that_is_cut_off_and_numbers_that_are_none_stop_nothing(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    run = tmp_path / "mlruns" / "7" / RUN
    (run / "metrics").mkdir(parents=True)
    (run.parent / "meta.yaml").write_text("name: study\nlifecycle_stage: active\n")
    (run / "meta.yaml").write_text(f"start_time: {BEGAN_MS}\nend_time: .inf\nstatus: 3\n")
    (run / "metrics" / "m").write_text(f"{BEGAN_MS} 0.5 1\n{BEGAN_MS} 0.5 {10**30}\n{BEGAN_MS} 0.x")
    report = brought(here, str(tmp_path / "mlruns"))
    assert (report.runs.here, report.points.here, report.differences) == (1, 1, [])
    assert "2 lines of metrics are no points" in said(report)
    # It says nowhere where its files are, and has none: not all that the store has.
    assert report.files.there == 0


def test_what_has_no_end_and_what_cannot_be_read_is_named_and_the_rest_comes(
    here: LocalWorkspace, tmp_path: Path
) -> None:
    home = tmp_path / "mlruns" / "7"
    for run in (RUN, GONE, ELSEWHERE):
        (home / run / "metrics").mkdir(parents=True)
        (home / run / "meta.yaml").write_text(f"start_time: {BEGAN_MS}\nstatus: 3\nend_time: {BEGAN_MS}\n")
        (home / run / "metrics" / "good").write_text(f"{BEGAN_MS} 0.5 1\n")
    (home / "meta.yaml").write_text("name: study\n")
    (home / GONE / "meta.yaml").write_text("start_time: [")
    (home / RUN / "tags").mkdir()
    (home / RUN / "metrics" / "endless").write_text(f"{BEGAN_MS} 0.5 1\n")
    for path in (home / RUN / "metrics" / "endless", home / RUN / "tags" / "t"):
        with path.open("ab") as file:
            file.truncate(1 << 33)
    report = brought(here, str(tmp_path / "mlruns"))
    assert (report.runs.here, report.points.here, report.is_whole) == (2, 3, False)
    damaged, endless = sorted(report.differences, reverse=True)
    assert damaged == f"7/{GONE}/meta.yaml cannot be read: it is not YAML (ParserError)"
    assert endless.startswith(f"7/{RUN}/metrics/endless cannot be read: a line has more than 65,536 char")
    assert endless.endswith("; what stood before it has come")
    assert "1 params or tags have more than 16,777,216 bytes" in said(report)
