import re

import pytest
from tests.docs.pages import ROOT, run_as_written


@pytest.mark.slow
def test_the_quick_start_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "quickstart.md", tmp_path)
    assert "came from" in said
    assert "dataset cancer@v1" in said
    assert "1 prediction, 1 with feedback" in said


def test_labelling_by_many_raters_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "label-with-many-raters.md", tmp_path)
    assert "1 item decided by dora" in said
    assert "3 raters" in said


def test_working_as_a_team_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "work-as-a-team.md", tmp_path)
    assert len(re.findall(r"^rw_[0-9a-z]{12}_[0-9a-z]{52}$", said, re.MULTILINE)) == 3
    assert "ben is approver" in said


def test_recording_a_script_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "track-a-script.md", tmp_path)
    assert "by hand" in said


@pytest.mark.slow
def test_bringing_data_in_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "bring-data-in.md", tmp_path)
    assert "orders: nothing new" in said
    assert "+ 40 added" in said
    assert "~ 3 changed" in said
    assert "error[source-changed]" in said


@pytest.mark.slow
def test_predicting_a_number_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "predict-a-number.md", tmp_path)
    assert "sugar@1 is live" in said


@pytest.mark.slow
def test_having_a_model_watched_and_renewed_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "watch-and-renew.md", tmp_path)
    assert "degradation of shop@1" in said
    assert "shop@2 is live in production. Better after" in said
    assert '"rule":"drift"' in said
    assert "shop@1 is live again in place of shop@2" in said


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile():
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake (\w+)", readme))
    assert {"demo", "test"} <= named <= targets


def test_every_ropeway_command_that_the_docs_name_exists():
    from ropeway.cli.catalogue import BY_NAME

    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for word in re.findall(r"`ropeway ([a-z]+)", page.read_text(encoding="utf-8")):
            assert word in BY_NAME, f"{page.name}: ropeway {word}"


@pytest.mark.slow
def test_sharing_through_a_remote_works_as_written(tmp_path):
    said = run_as_written(ROOT / "docs" / "howto" / "share-through-a-remote.md", tmp_path)
    assert "new there  dataset:tweets@v1" in said
    assert "hub/dataset:tweets@v1" in said
    assert "version-pulled" in said
    assert "error[" not in said
