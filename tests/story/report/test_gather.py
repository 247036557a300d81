"""The report's data, from real events and objects."""

import msgspec
import pytest

from ropeway.models.errors import UnknownModel
from ropeway.story.operations import report_data
from ropeway.story.report.records import ReportData


@pytest.fixture(scope="module")
def data(whole):
    return report_data(whole.workspace)


def test_what_is_live_is_told_with_rule_rollout_and_approval(data):
    (place,) = data.places
    live = place.live
    assert (live.ref, live.replaced, live.rule, live.rollout) == (
        "sentiment@2",
        "sentiment@1",
        "proven gain",
        "rollout_one",
    )
    assert live.approval == "approved by rule (policy: retraining after degradation)"
    assert [release.by for release in place.releases] == ["Ben", "controller"]


def test_the_strip_has_a_cell_for_each_judged_window_of_each_column(data):
    strip = data.places[0].strip
    assert len(strip.starts) == len(data.places[0].windows)
    assert all(len(row.effects) == len(row.drifted) == len(strip.starts) for row in strip.rows)
    assert {row.column for row in strip.rows} == {"text", "channel", "prediction", "confidence"}
    text = next(row for row in strip.rows if row.column == "text")
    assert not any(text.drifted[:5])
    assert all(text.drifted[5:])


def test_the_latest_window_of_the_live_version_is_compared_with_shapes_and_tokens(data):
    compared = data.places[0].compared
    assert compared.ref == "sentiment@2"
    assert compared.columns[0].reference.shares
    assert "player" in {token.token for token in compared.tokens["text"]}


def test_a_rollout_is_told_with_its_path_steps_and_limits(data):
    lost, won = data.rollouts
    assert (won.ref, won.outcome, won.ended_rule) == ("sentiment@2", "promoted", "proven gain")
    assert [step.name for step in won.steps] == won.planned == ["shadow", "10 %", "50 %"]
    starts = [step.entities for step in won.steps]
    assert starts == sorted(starts)
    assert won.looks[-1].entities == won.entities == 620
    assert won.looks[-1].e_gain >= 1 / won.alpha
    assert (lost.outcome, lost.ended_rule, lost.note) == ("rolled-back", "harm", "trying the old one")


def test_the_budget_of_alpha_is_what_the_rollouts_of_the_year_took(data):
    (budget,) = data.budgets
    assert (budget.model, budget.year, budget.alpha) == ("sentiment", 2026, 0.05)
    assert budget.spent == pytest.approx(0.018)
    assert [share.outcome for share in budget.taken] == ["promoted", "rolled-back"]


def test_a_retraining_is_told_from_its_trigger_to_its_release(data):
    (story,) = data.retrainings
    assert (story.trigger, story.outcome, story.version, story.rollout) == (
        "degradation",
        "released",
        "sentiment@2",
        "rollout_one",
    )
    assert [stage.name for stage in story.stages] == [
        "data",
        "trained",
        "registered",
        "gated",
        "approved",
        "released",
    ]


def test_the_data_survives_json(data):
    assert msgspec.json.decode(msgspec.json.encode(data), type=ReportData) == data


def test_only_the_model_that_is_asked_for_is_told(whole):
    assert report_data(whole.workspace, model="sentiment").places
    with pytest.raises(UnknownModel, match="sentimnet"):
        report_data(whole.workspace, model="sentimnet")


def test_an_object_that_is_gone_takes_its_picture_along_and_nothing_else(season):
    season.drifting()
    for digest in {line.drift for line in report_data(season.workspace).places[0].windows}:
        path = season.workspace.store.open_path(digest)
        path.chmod(0o600)
        path.unlink()
    (place,) = report_data(season.workspace).places
    assert place.strip is None
    assert place.compared is None
    assert place.windows


def test_a_paused_policy_is_named_with_its_reason(season):
    season.first_release().pause("two releases were rolled back within a week")
    (said,) = report_data(season.workspace).paused
    assert said == "sentiment in production: two releases were rolled back within a week"
