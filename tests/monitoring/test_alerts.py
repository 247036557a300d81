"""Alerts: raised once, resolved when it is over, raised again; by rules of the project or the usual ones."""

import pytest
from models_steps import proposed
from production import Production

from ropeway.models.operations import approve_model, gate_model, promote_model, route_traffic
from ropeway.monitoring.operations import list_alerts, list_windows, observe_production
from ropeway.workspace import LocalWorkspace


def test_an_alert_is_raised_once_resolved_and_raised_again(production: Production) -> None:
    ids = []
    for day, low in enumerate([40, 40, 0, 0, 40]):
        production.answer(day, production.xs(100, seed=day, low=low))
        seen = production.look(day + 1)
        ids.append(([each.id for each in seen.raised], [each.id for each in seen.resolved]))
    first, second = ids[0][0][0], ids[4][0][0]
    assert ids == [([first], []), ([], []), ([], [first]), ([], []), ([second], [])]
    assert first != second
    assert [each.id for each in list_alerts(production.workspace)] == [second]
    told = list_alerts(production.workspace, open_only=False)
    assert [each.is_open for each in told] == [True, False]
    assert told[1].resolution == "no column drifted in 100 rows"


def test_a_window_that_is_not_judged_changes_nothing(production: Production) -> None:
    production.answer(0, production.xs(100, low=40))
    production.look(1)
    production.answer(1, production.xs(5))
    seen = production.look(2)
    assert (seen.raised, seen.resolved) == ([], [])
    assert len(list_alerts(production.workspace)) == 1


def test_a_rule_may_ask_for_several_windows_on_end(production: Production) -> None:
    production.settings('[alerts.moved]\nwhen = "drift"\nwindows = 2\nseverity = "page"\n')
    production.answer(0, production.xs(100, low=40))
    assert production.look(1).raised == []
    production.answer(1, production.xs(100, low=40))
    [alert] = production.look(2).raised
    assert (alert.rule, alert.severity) == ("moved", "page")
    assert (alert.start, alert.end) == (production.day(0), production.day(2))


@pytest.mark.parametrize(
    ("rule", "raises"),
    [
        ('when = "drift"\nabove = 0.99', False),
        ('when = "drift"\nabove = 0.2', True),
        ('when = "latency"\nabove = 0.5', True),
        ('when = "latency"', False),
        ('when = "errors"\nabove = 0.2', False),
        ('when = "errors"', True),
        ('when = "quality"', False),
        ('when = "silence"', False),
    ],
)
def test_rules_have_limits(production: Production, rule: str, raises: bool) -> None:
    production.settings(f"[alerts.mine]\n{rule}\n")
    production.answer(0, production.xs(100, low=40), failed=5)
    assert [each.rule for each in production.look(1).raised] == (["mine"] if raises else [])


def test_silence_is_told_of_the_live_version_and_ends_with_a_request(production: Production) -> None:
    production.settings('[alerts.quiet]\nwhen = "silence"\nwindows = 2\n')
    production.answer(0, production.xs(100))
    assert production.look(1).raised == []
    assert production.look(2).raised == []
    [alert] = production.look(3).raised
    assert (alert.when, alert.model, alert.figure) == ("silence", "halves@1", 2.0)
    assert alert.next_step == "ropeway serve halves@production"
    assert production.look(4).raised == []
    production.answer(4, production.xs(3))
    assert len(production.look(5).resolved) == 1


def test_a_version_that_never_got_a_request_is_silent_since_it_went_live(production: Production) -> None:
    production.settings('[alerts.quiet]\nwhen = "silence"\n')
    assert production.look(0).raised == []
    assert len(production.look(2).raised) == 1


def test_a_clock_that_jumps_back_raises_no_silence(production: Production) -> None:
    production.settings('[alerts.quiet]\nwhen = "silence"\n')
    production.answer(0, production.xs(100))
    assert production.look(-4000).raised == []
    assert production.look(1).raised == []


def test_alerts_of_a_version_that_left_are_resolved(production: Production) -> None:
    production.answer(0, production.xs(100, low=40))
    production.look(1)
    second = _release(production)
    production.answer(1, production.xs(100, low=40))
    seen = production.look(2)
    assert [(each.model, each.resolution) for each in seen.resolved] == [
        ("halves@1", "the version answers there no more")
    ]
    # Its last window is observed, and raises nothing: nobody could do anything about it.
    assert (seen.windows[0].ref, seen.raised) == ("halves@1", [])
    production.answer(2, production.xs(100, low=40), ref=second)
    assert [each.model for each in production.look(3).raised] == [second]


def test_an_arm_is_watched_as_the_live_version_is(production: Production) -> None:
    second = _approved(production)
    route_traffic(
        production.workspace, name="halves", environment="production", arms={second: 0.2}, shadows=[]
    )
    production.answer(0, production.xs(100))
    production.answer(0, production.xs(100, low=40), ref=second)
    assert [each.model for each in production.look(1).raised] == [second]


def test_a_version_that_comes_back_is_not_judged_by_its_windows_from_before(production: Production) -> None:
    """Once the last bad window from before it left raised again, of a version that answered nobody since."""
    _release(production)
    production.answer(0, production.xs(100, low=40))
    production.go_to(production.day(1, hours=0.1))
    route_traffic(
        production.workspace, name="halves", environment="production", arms={}, shadows=["halves@1"]
    )
    assert production.look(1).raised == []
    production.answer(1, production.xs(100, low=40))
    [alert] = production.look(2).raised
    # Away and back between two looks: what was open is of the time before.
    for shadows in ([], ["halves@1"]):
        route_traffic(production.workspace, name="halves", environment="production", arms={}, shadows=shadows)
    seen = production.look(2)
    assert ([each.id for each in seen.resolved], seen.raised) == ([alert.id], [])
    production.answer(2, production.xs(100, low=40))
    assert [each.model for each in production.look(3).raised] == ["halves@1"]


def test_a_rule_that_is_gone_takes_its_alerts_with_it(production: Production) -> None:
    production.answer(0, production.xs(100, low=40))
    production.look(1)
    production.settings('[alerts.other]\nwhen = "errors"\n')
    [alert] = production.look(1).resolved
    assert alert.resolution == "the rule is no longer declared"


def test_the_job_looks_as_the_function_does(production: Production) -> None:
    production.answer(0, production.xs(100, low=40))
    production.go_to(production.day(1, hours=1))
    seen = observe_production(production.workspace)
    assert [each.rule for each in seen.raised] == ["drift"]
    assert len(list_windows(production.workspace, model="halves", environment="production")) == 1


def _approved(production: Production) -> str:
    ref = proposed(production.workspace, **{"limit.flip": True})
    assert gate_model(production.workspace, ref=ref).passed
    with LocalWorkspace(production.workspace.root, actor="ben", clock=production.clock) as ben:
        approve_model(ben, ref=ref)
    return ref


def _release(production: Production) -> str:
    ref = _approved(production)
    with LocalWorkspace(production.workspace.root, actor="ben", clock=production.clock) as ben:
        promote_model(ben, ref=ref)
    return ref
