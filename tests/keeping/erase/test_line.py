"""A canary planted in all that is made of data, from labels to the log of predictions, and then erased."""

import io
import zipfile
from pathlib import Path

import polars as pl
import pytest
from tests.keeping.erase.test_values import CANARY, files_with
from tests.keeping.reproduce.halves import PIPELINE, TOML
from tests.predictions.written import answers, say

from ropeway.data.add import add
from ropeway.data.load import load, resolve
from ropeway.keeping.backup import back_up
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.operations import erase_rows
from ropeway.keeping.operations import fsck, gc
from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.keeping.restore import restore
from ropeway.labels.operations import latest_ratings
from ropeway.labels.ratings import import_ratings, load_ratings
from ropeway.labels.snapshot import snapshot
from ropeway.models.load import load_model
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.predictions.columns import PREDICTIONS_KIND
from ropeway.predictions.errors import UnknownPrediction
from ropeway.predictions.history import scan
from ropeway.predictions.lookup import said_of
from ropeway.predictions.operations import find_prediction
from ropeway.predictions.seal import seal
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

LABELS = """
[labels.mood]
dataset = "posts"
guide = "mood.md"
rater = "who"
value = "mood"
snapshot = "moods"
"""


def holding(workspace: LocalWorkspace, text: str = CANARY) -> list[str]:
    """The objects that hold a text, in whatever they are packed."""
    needles = Needles([text])
    return [each for each in workspace.store.digests() if needles.are_in(workspace.store.read(each))]


@pytest.fixture
def trained(tmp_path: Path):
    """A pipeline that ran, and a version of it, on rows of which one has the canary."""
    workspace = make_workspace(tmp_path, toml=TOML, files={"pipeline.py": PIPELINE})
    reads = "def feature(rows):\n    rows['note']"
    text = PIPELINE.replace("LEARNT", "0.0").replace("def feature(rows):", reads)
    (tmp_path / "pipeline.py").write_text(text, encoding="utf-8")
    xs = [number / 4 for number in range(240)]
    notes = [CANARY if number == 7 else f"note {number}" for number in range(240)]
    rows = {"id": range(240), "x": xs, "note": notes, "half": ["low" if x < 30 else "high" for x in xs]}
    pl.DataFrame(rows).write_csv(tmp_path / "numbers.csv")
    add(workspace, tmp_path / "numbers.csv", name="numbers")
    (tmp_path / "numbers.csv").unlink()
    run = run_pipeline(workspace)
    yield workspace, register(workspace, run.run)
    workspace.close()


def test_a_model_that_learnt_from_it_is_named_and_goes_on_answering(trained):
    workspace, version = trained
    assert holding(workspace)
    done = erase_rows(workspace, dataset="numbers", keys=["7"])
    assert done.plan is not None
    assert [each.ref for each in done.plan.models] == [version.ref]
    assert holding(workspace) == []
    assert files_with(workspace.home, CANARY) == []
    with load_model(workspace, version.ref) as model:
        assert model.predict(pl.DataFrame({"x": [1.0], "note": ["a"]})).height == 1


def test_the_pipeline_runs_again_with_every_other_row_in_its_part(trained):
    workspace, _ = trained
    erase_rows(workspace, dataset="numbers", keys=["7"])
    run_pipeline(workspace)
    assert holding(workspace) == []
    assert fsck(workspace).is_sound
    assert gc(workspace).removed == 0


def test_logged_answers_of_theirs_go_and_what_was_said_of_them(workspace):
    path = workspace.root / "people.csv"
    path.write_text(f"id,text\n1,row 0\n2,{CANARY}\n", encoding="utf-8")
    add(workspace, path, name="people", key=["id"])
    path.unlink()
    theirs = answers(workspace.home, 1, row={"text": f"I am {CANARY}"})[0]
    others = answers(workspace.home, 3)
    say(workspace.home, theirs, "no")
    say(workspace.home, others[1], "yes")
    seal(workspace)
    done = erase_rows(workspace, dataset="people", keys=["2"])
    assert done.plan is not None
    assert len(done.plan.rewritten) == 2
    assert holding(workspace) == []
    assert set(scan(workspace.home, PREDICTIONS_KIND).collect()["id"]) == set(others)
    assert said_of(workspace.home, theirs) == []
    assert find_prediction(workspace, prediction=others[2]).id == others[2]
    with pytest.raises(UnknownPrediction, match="There is no"):
        find_prediction(workspace, prediction=theirs)
    assert fsck(workspace).is_sound


def test_labels_and_their_snapshots_go_on_without_them(project):
    workspace = project('[project]\nname = "trial"\n' + LABELS, **{"mood.md": "# Mood\n"})
    rows = {
        "id": ["p1", "p1", "p2", "p2", "p3", "p3"],
        "text": ["fine", "fine", CANARY, CANARY, "odd", "odd"],
        "who": ["ann", "bob"] * 3,
        "mood": ["good", "good", "bad", "bad", "good", "good"],
    }
    pl.DataFrame(rows).write_parquet(workspace.root / "posts.parquet")
    add(workspace, workspace.root / "posts.parquet", name="posts")
    (workspace.root / "posts.parquet").unlink()
    import_ratings(workspace, "mood")
    snapshot(workspace, "mood")
    done = erase_rows(workspace, dataset="posts", keys=["p2"])
    assert done.plan is not None
    assert done.plan.versions == ["moods@v1", "posts@v1"]
    assert holding(workspace) == []
    ratings = load_ratings(workspace.store, latest_ratings(workspace, labels="mood").ratings)
    assert sorted(set(ratings["item"])) == ["p1", "p3"]
    assert load(workspace, resolve(workspace, "moods"))["id"].to_list() == ["p1", "p3"]
    assert snapshot(workspace, "mood") is not None


def test_a_text_is_found_in_whatever_holds_it():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.json", '{"who": "Zo\\u00eb \\"Canary\\" Z"}')
    frame = io.BytesIO()
    pl.DataFrame({"a": [["x", 'Zoë "Canary" Z']]}).write_parquet(frame)
    needles = Needles(['Zoë "Canary" Z'])
    assert needles.are_in(packed.getvalue())
    assert needles.are_in(frame.getvalue())
    assert needles.are_in('id,who\n1,"Zoë ""Canary"" Z"\n'.encode())
    assert not needles.are_in(b"Zoe Canary Z")


def test_a_backup_made_afterwards_is_whole_and_restores_as_erased(trained, tmp_path_factory):
    workspace, _ = trained
    done = erase_rows(workspace, dataset="numbers", keys=["7"])
    place, again = tmp_path_factory.mktemp("backups"), tmp_path_factory.mktemp("again")
    assert back_up(workspace, place).missing == []
    restore(place, again, name="latest", actor="ana")
    assert files_with(again, CANARY) == []
    with LocalWorkspace(again, actor="ana") as restored:
        report = fsck(restored)
        assert (report.findings, report.erased) == ([], fsck(workspace).erased)
        assert restored.store.erased.all() == workspace.store.erased.all()
    assert done.finished_at is not None


def test_a_run_on_it_cannot_be_reproduced_since_it_was_erased(trained):
    workspace, version = trained
    done = erase_rows(workspace, dataset="numbers", keys=["7"])
    found = reproduce(workspace, version.ref)
    assert found.verdict == "cannot"
    assert f"erased under {done.id}" in found.says
