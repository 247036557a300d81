"""A run, done again: the four verdicts, each for its reason."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.keeping.reproduce.halves import TOML, lay_halves

from ropeway.data.add import add
from ropeway.keeping.operations import fsck
from ropeway.keeping.reproduce.environment import missing_module, own_requirements
from ropeway.keeping.reproduce.operations import list_reproductions
from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.ledger.projections import projected_rows
from ropeway.models.register import register
from ropeway.pipelines.operations import show
from ropeway.pipelines.run import run_pipeline
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace

Halves = LocalWorkspace


@pytest.fixture
def make_halves(tmp_path: Path) -> Iterator[Callable[[str], Halves]]:
    """Lays out the project, with what its pipeline adds to what it learns."""
    made: list[Halves] = []

    def make(learnt: str) -> Halves:
        made.append(lay_halves(tmp_path / "halves", learnt=learnt))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def halves(make_halves: Callable[[str], Halves]) -> Halves:
    return make_halves("0.0")


def test_a_run_that_comes_out_the_same_is_identical(halves: Halves) -> None:
    run = run_pipeline(halves, overrides={"shift": 0.5}).run
    found = reproduce(halves, run)
    assert (found.verdict, found.differs_at, found.says) == (
        "identical",
        "",
        "Every digest is the one on record.",
    )
    assert {each.recorded == each.now for each in found.metrics} == {True}


def test_it_takes_the_code_the_data_and_the_parameters_of_then(halves: Halves, tmp_path: Path) -> None:
    run = run_pipeline(halves).run
    (halves.root / "pipeline.py").write_text("raise SystemExit")
    (halves.root / "ropeway.toml").write_text(TOML.replace("shift = 0.0", "shift = 9.0"))
    pl.DataFrame({"id": [1], "x": [1.0], "half": ["low"]}).write_csv(tmp_path / "numbers.csv")
    add(halves, tmp_path / "numbers.csv", name="numbers")
    assert reproduce(halves, run).verdict == "identical"


def test_what_differs_less_than_the_tolerance_is_equal(make_halves) -> None:
    halves = make_halves("random.random() * 1e-9")
    run = run_pipeline(halves).run
    found = reproduce(halves, run)
    assert (found.verdict, found.differs_at) == ("equal", "limit")
    assert found.farthest is not None
    assert 0 < found.farthest < 1e-9
    assert reproduce(halves, run, tolerance=0.0).verdict == "differs"


def test_what_differs_more_names_the_first_step_and_what_it_used(make_halves) -> None:
    halves = make_halves("random.random()")
    found = reproduce(halves, run_pipeline(halves).run)
    assert (found.verdict, found.differs_at) == ("differs", "limit")
    assert "from step 'limit' on" in found.says
    assert "unseeded random" in found.says


def test_a_model_version_stands_for_its_run(halves: Halves) -> None:
    run_pipeline(halves)
    version = register(halves)
    found = reproduce(halves, version.ref)
    assert (found.verdict, found.model, found.run) == ("identical", version.ref, version.run)


def test_what_is_found_is_on_record_and_replays(halves: Halves) -> None:
    found = reproduce(halves, run_pipeline(halves).run)
    assert list_reproductions(halves, run="latest") == [found]
    with halves.ledger.reading() as connection:
        before = projected_rows(connection)
    halves.ledger.rebuild()
    with halves.ledger.reading() as connection:
        assert projected_rows(connection) == before
    assert fsck(halves).is_sound


def test_a_step_that_fails_now_cannot_be_done_again(make_halves, monkeypatch) -> None:
    halves = make_halves("float(__import__('os').environ['LEARNT'])")
    monkeypatch.setenv("LEARNT", "1.0")
    run = run_pipeline(halves).run
    monkeypatch.delenv("LEARNT")
    found = reproduce(halves, run)
    assert found.verdict == "cannot"
    assert "Done again, it fails: Step 'limit' raised KeyError" in found.says


@pytest.mark.parametrize("lost", ["data", "code", "answers"])
def test_without_an_object_it_cannot_be_done_again(halves: Halves, lost: str) -> None:
    run = run_pipeline(halves).run
    record = show(halves, run=run)
    digest = {"code": record.code, "answers": record.slice.replay}.get(
        lost, record.inputs["rows"].partition("@")[2]
    )
    halves.store.open_path(digest).unlink()
    found = reproduce(halves, run)
    assert found.verdict == "cannot"
    assert f"The object {digest[:10]}… is not in the store." in found.says


def test_a_script_cannot_be_done_again(halves: Halves) -> None:
    with start_run(halves, argv=["train.py"]) as run:
        run.log(loss=0.5)
    found = reproduce(halves, run.id)
    assert (found.verdict, "train.py" in found.says) == ("cannot", True)


def test_a_run_that_failed_cannot_be_done_again(halves: Halves) -> None:
    with pytest.raises(ValueError, match="no"), start_run(halves, kind="pipeline"):
        raise ValueError("no")
    assert "The run is failed" in reproduce(halves, "latest").says


def test_a_run_without_a_slice_cannot_be_done_again(halves: Halves) -> None:
    run = run_pipeline(halves, only=["feature"]).run
    assert "no slice is on record" in reproduce(halves, run).says


def test_nothing_is_left_behind(halves: Halves, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    run = run_pipeline(halves).run
    before = sorted(halves.store.digests())
    reproduce(halves, run)
    assert list((tmp_path / "scratch").iterdir()) == []
    # The comparison is new; nothing else came in.
    assert len(set(halves.store.digests()) - set(before)) == 1


@pytest.mark.slow
def test_a_clean_environment_has_the_packages_on_record(halves: Halves) -> None:
    run = run_pipeline(halves).run
    found = reproduce(halves, run, place="clean")
    assert (found.verdict, found.place, found.packages) == ("identical", "clean", [])


def test_what_ropeway_needs_is_what_the_one_that_runs_says(monkeypatch) -> None:
    # In an environment that several folders share, another Ropeway may be installed than the one that runs.
    monkeypatch.setattr("importlib.metadata.requires", lambda _name: ["click"])
    assert {"click", "backports-zstd"} <= own_requirements(set())
    assert "scikit-learn" in own_requirements({"scikit-learn"}) - own_requirements(set())


def test_a_package_that_a_clean_environment_lacks_is_named() -> None:
    said = missing_module("Traceback …\nModuleNotFoundError: No module named 'zstandard'\n")
    assert said.startswith("there is no 'zstandard' in the clean environment.")
    assert missing_module("KeyError: 'LEARNT'") == ""


def test_another_python_is_said(halves: Halves, monkeypatch) -> None:
    run = run_pipeline(halves).run
    monkeypatch.setattr("platform.python_version", lambda: "3.99.1")
    assert (
        f"Python {sys.version.split()[0]}; this is Python 3.99.1"
        in reproduce(halves, run, place="clean").says
    )
