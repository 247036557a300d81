"""The settings of a label set, held against the data and against the import on record."""

import polars as pl
import pytest
from tests.labels.conftest import TOML

from ropeway.data.add import add
from ropeway.data.errors import ColumnNotFound
from ropeway.labels.errors import BadRatings, RatingsKept, SettingsChanged
from ropeway.labels.measure import measure
from ropeway.labels.operations import adjudicate, latest_ratings, queue
from ropeway.labels.ratings import import_ratings
from ropeway.labels.snapshot import snapshot


def edit(workspace, old, new):
    file = workspace.root / "ropeway.toml"
    assert old in file.read_text()
    # The comment makes the file another size: within one tick of the clock that alone tells an edit.
    file.write_text(file.read_text().replace(old, new) + "# edited\n")


@pytest.fixture
def moods(workspace, posts):
    return import_ratings(workspace, "mood")


@pytest.mark.parametrize("make", [import_ratings, snapshot])
def test_a_misspelt_kept_column_is_named_with_the_right_one(workspace, moods, make):
    edit(workspace, 'keep = ["text"]', 'keep = ["txt"]')
    with pytest.raises(ColumnNotFound, match=r"(?s)no column 'txt'. Did you mean 'text'.*`keep` in ropeway"):
        make(workspace, "mood")


@pytest.mark.parametrize("make", [import_ratings, snapshot])
def test_keeping_the_ratings_is_refused_with_the_reason(workspace, moods, make):
    edit(workspace, 'keep = ["text"]', 'keep = ["text", "ratings"]')
    with pytest.raises(RatingsKept, match=r"names 'ratings'.*a model would be shown"):
        make(workspace, "mood")


@pytest.mark.parametrize("column", ["who", "kind"])
def test_keeping_rater_or_value_is_refused(workspace, opinions, column):
    edit(workspace, 'snapshot = "kinds"', f'snapshot = "kinds"\nkeep = ["{column}"]')
    with pytest.raises(RatingsKept, match=f"names '{column}'"):
        import_ratings(workspace, "kind")


def test_settings_edited_since_the_import_ask_for_a_new_one(workspace, moods):
    edit(workspace, 'scale = "interval"', 'scale = "ordinal"')
    for ask in (
        lambda: snapshot(workspace, "mood"),
        lambda: measure(workspace, "mood"),
        lambda: queue(workspace, labels="mood"),
        lambda: adjudicate(workspace, labels="mood", item="p4", label="good"),
    ):
        with pytest.raises(SettingsChanged, match=r"(?s)changed since .*ropeway labels import mood"):
            ask()
    again = import_ratings(workspace, "mood")
    assert again.ratings == moods.ratings
    assert again.settings != moods.settings
    assert measure(workspace, "mood").level == "ordinal"


def test_settings_that_are_applied_afresh_ask_for_nothing(workspace, moods):
    edit(workspace, "upto = -0.5", "upto = -1.5")
    edit(workspace, 'keep = ["text"]', "keep = []")
    assert snapshot(workspace, "mood").classes == {"bad": 1, "flat": 2, "good": 1}


def test_an_import_survives_a_replay_with_its_settings(workspace, moods):
    workspace.ledger.rebuild()
    assert latest_ratings(workspace, labels="mood") == moods


def test_free_text_is_no_scale_unless_all_labels_are_listed(project, tmp_path):
    many = {"id": range(60), "kind": [f"thought {number}" for number in range(60)], "who": ["ann"] * 60}
    pl.DataFrame(many).write_parquet(tmp_path / "opinions.parquet")
    workspace = project(TOML, **{"guides/mood.md": "# Kind\n"})
    add(workspace, tmp_path / "opinions.parquet")
    with pytest.raises(BadRatings, match=r"(?s)'kind' holds 60 \(such as 'thought 0'\).*at most 50 labels"):
        import_ratings(workspace, "kind")
    listed = ", ".join(f'"{kind}"' for kind in many["kind"])
    edit(workspace, 'value = "kind"', f'value = "kind"\nallowed = [{listed}]')
    assert import_ratings(workspace, "kind").count == 60
