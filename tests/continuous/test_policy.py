"""What in a policy contradicts itself, the project or the calendar."""

from pathlib import Path

import pytest
from retrained import POLICY, PROJECT, live_project

from ropeway.continuous.outlook import outlook
from ropeway.continuous.policy import Problem, check_policy, next_times, require_policy, require_sound
from ropeway.continuous.retraining.errors import NoPolicy, PolicyInvalid
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

SCHEDULED = '[policy]\ntriggers = ["schedule"]\nschedule = "0 3 * * 1"\n'


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory):
    with live_project(tmp_path_factory.mktemp("policy") / "p") as made:
        yield made


def found(workspace: LocalWorkspace, policy: str, project: str = PROJECT) -> list[Problem]:
    (workspace.root / "ropeway.toml").write_text(project + policy)
    return check_policy(workspace)


def only(problems: list[Problem]) -> Problem:
    (problem,) = [each for each in problems if not each.is_warning]
    return problem


def test_a_sound_policy_has_no_problem(workspace: LocalWorkspace) -> None:
    assert found(workspace, POLICY) == []
    assert require_sound(workspace).approval == "by-rule"


def test_an_unknown_time_zone_is_named_with_a_guess(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED + 'time_zone = "Europe/Pari"\n'))
    assert (problem.setting, "Did you mean 'Europe/Paris'" in problem.what) == ("time_zone", True)


def test_a_schedule_that_is_no_cron_says_which_field(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED.replace("0 3 * * 1", "0 3 * * 9")))
    assert problem.what == "'0 3 * * 9' is no schedule: the day of the week is '9'"


def test_quiet_hours_that_leave_nothing_are_named(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED + 'quiet = ["00:00-12:00", "12:00-00:00"]\n'))
    assert problem.setting == "quiet"


def test_a_schedule_only_in_quiet_hours_is_named(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED + 'quiet = ["22:00-06:00"]\n'))
    assert "falls into the quiet hours 22:00-06:00" in problem.what
    some = found(workspace, SCHEDULED.replace("0 3", "0 3,12") + 'quiet = ["22:00-06:00"]\n')
    assert all(each.is_warning for each in some)


@pytest.mark.parametrize("kind", ["drift", "degradation"])
def test_an_alert_that_no_rule_raises_can_not_trigger(workspace: LocalWorkspace, kind: str) -> None:
    policy = f'[policy]\ntriggers = ["{kind}"]\n[alerts.errors]\nwhen = "errors"\n'
    assert only(found(workspace, policy)).what == f'"{kind}" can never fire: no alert rule is about it'


def test_degradation_needs_a_target_and_a_bar(workspace: LocalWorkspace) -> None:
    policy = '[policy]\ntriggers = ["degradation"]\n[policy.data]\nfeedback = false\n'
    no_target = only(found(workspace, policy, PROJECT.replace('target = "label"', "")))
    assert "has no `target`" in no_target.what
    no_bar = only(found(workspace, policy, PROJECT.replace("bar = 0.6", "")))
    assert "how good is good enough" in no_bar.what


def test_data_that_is_pinned_to_a_version_is_never_new(workspace: LocalWorkspace) -> None:
    pinned = PROJECT.replace('dataset = "numbers"', 'dataset = "numbers@v1"')
    problems = found(workspace, '[policy]\ntriggers = ["new-data"]\n', pinned)
    assert [each.setting for each in problems] == ["triggers", "data.feedback"]


def test_feedback_without_a_target_fills_no_column(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED, PROJECT.replace('target = "label"', "")))
    assert problem.setting == "data.feedback"


def test_a_project_without_rows_has_nothing_to_train_with(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED, '[project]\nname = "halves"\n'))
    assert "nothing to train with" in problem.what


def test_approval_by_oneself_is_the_projects_to_allow(workspace: LocalWorkspace) -> None:
    policy = SCHEDULED + 'approval = "self"\n'
    assert only(found(workspace, policy)).setting == "approval"
    allowed = PROJECT.replace('name = "halves"', 'name = "halves"\napproval = "self"')
    assert found(workspace, policy, allowed) == []


def test_by_rule_needs_something_that_judges(workspace: LocalWorkspace) -> None:
    policy = SCHEDULED + 'approval = "by-rule"\n'
    assert only(found(workspace, policy, PROJECT.replace("bar = 0.6", ""))).setting == "approval"
    no_target = found(
        workspace, policy + "[policy.data]\nfeedback = false\n", PROJECT.replace('target = "label"', "")
    )
    assert only(no_target).setting == "approval"


def test_a_model_that_is_not_there_is_named_with_a_guess(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, SCHEDULED + 'model = "halve"\n'))
    assert "no model 'halve'. Did you mean 'halves'" in problem.what


def test_a_log_that_drops_what_is_learnt_from_is_named(workspace: LocalWorkspace) -> None:
    problem = only(found(workspace, POLICY + '[log]\ncolumns = {x = "dropped", other = "hashed"}\n'))
    assert problem.what.endswith("by [log] columns 'x' is dropped")


@pytest.mark.parametrize(
    ("extra", "setting"),
    [
        ("max_runs = 2\n", "max_runs"),
        ('cooldown = "2w"\nmax_runs = 2\nper = "30d"\n', "cooldown"),
        ('cooldown = "20d"\n', "max_runs"),
        ('cooldown = "2d"\n[policy.data]\nlast = "1d"\n', "data.last"),
    ],
)
def test_what_will_be_kept_waiting_is_a_remark(workspace: LocalWorkspace, extra: str, setting: str) -> None:
    problems = found(workspace, SCHEDULED + extra)
    assert setting in {each.setting for each in problems}
    assert all(each.is_warning for each in problems)


def test_an_environment_where_nothing_is_live_is_a_remark(workspace: LocalWorkspace) -> None:
    project = PROJECT + "[environments.production]\n[environments.test]\n"
    (problem,) = found(workspace, SCHEDULED + 'environment = "test"\n', project)
    assert (problem.setting, problem.is_warning) == ("environment", True)


def test_parameters_that_the_pipeline_lacks_are_found_with_its_code(workspace: LocalWorkspace) -> None:
    found(workspace, SCHEDULED + "params = {depth = 3}\n")
    (problem,) = check_policy(workspace, with_code=True)
    assert (problem.setting, "depth" in problem.what) == ("params", True)


def test_all_problems_come_in_one_error(workspace: LocalWorkspace) -> None:
    found(workspace, SCHEDULED + 'time_zone = "Mars"\napproval = "self"\n')
    with pytest.raises(PolicyInvalid, match=r"(?s)`time_zone`.*`approval`") as caught:
        require_sound(workspace)
    assert caught.value.next_step.endswith("ropeway policy check")


def test_a_project_without_a_policy_says_so(tmp_path: Path) -> None:
    with make_workspace(tmp_path / "p") as workspace, pytest.raises(NoPolicy, match=r"has no \[policy\]"):
        require_policy(workspace.project)


def test_the_next_times_are_in_the_policys_time_zone(workspace: LocalWorkspace) -> None:
    found(workspace, SCHEDULED + 'time_zone = "Europe/Berlin"\n')
    times = next_times(workspace.project.policy, workspace.clock.now())
    assert [moment.isoformat() for moment in times] == [
        "2026-03-09T03:00:00+01:00",
        "2026-03-16T03:00:00+01:00",
        "2026-03-23T03:00:00+01:00",
    ]


def test_the_outlook_says_the_policy_in_words(workspace: LocalWorkspace) -> None:
    found(workspace, SCHEDULED + 'quiet = ["12:00-13:00"]\n')
    seen = outlook(workspace)
    assert (seen.model, seen.environment, seen.live) == ("halves", "production", "halves@1")
    assert seen.words["begins"] == "at 03:00 on Monday (UTC); when a person says so"
    assert seen.words["quiet"] == "nothing is begun 12:00-13:00 (UTC)"
    assert seen.words["release"] == "shadow → 10 % → 50 % → live"
    assert (seen.begun, seen.max_runs, seen.pending) == (0, 4, [])
