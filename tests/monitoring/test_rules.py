"""Rules held against figures: limits, directions, and what cannot be judged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ropeway.monitoring.records import Baseline, Performance, WindowLine
from ropeway.monitoring.rules import (
    DEFAULT_RULES,
    judge_performance,
    judge_silence,
    judge_windows,
    rules_of,
)
from ropeway.workspace.project import Project, Section
from ropeway.workspace.tables.monitor import AlertRule, Monitor

DAY = datetime(2026, 5, 4, tzinfo=UTC)
PROJECT = Project(project=Section(name="trial"))


def line(day: int = 0, **fields: Any) -> WindowLine:
    values: dict[str, Any] = {
        "ref": "m@1",
        "name": "m",
        "number": 1,
        "environment": "production",
        "start": DAY + timedelta(days=day),
        "end": DAY + timedelta(days=day + 1),
        "rows": 1000,
        "errors": 0,
        "latency_p50_us": 1000,
        "latency_p99_us": 5000,
        "judged": True,
        "drifted": [],
        "effect": 0.02,
        "quality": {},
        "faulty": 0.0,
        "faulty_columns": [],
        "profile": "0" * 64,
        "drift": None,
        "findings": None,
        "observed_at": DAY,
    }
    return WindowLine(**{**values, **fields})


def measured(low: float, value: float, high: float, **fields: Any) -> Performance:
    plain = Performance(
        start=DAY,
        end=DAY + timedelta(days=1),
        rows=1000,
        labelled=500,
        metric="accuracy",
        value=value,
        low=low,
        high=high,
    )
    return msgspec.structs.replace(plain, **fields)


def broken(rule: AlertRule, recent: Performance | None, baseline: Baseline) -> bool | None:
    found = judge_performance(rule, recent, baseline, PROJECT)
    return None if found is None else found.is_broken


ACCURACY = Baseline(metric="accuracy", higher_is_better=True, value=0.9, low=0.88, high=0.92, bar=0.8)
ERROR = Baseline(metric="rmse", higher_is_better=False, value=50.0, low=47.0, high=53.0, bar=60.0)
DEGRADATION = AlertRule(when="degradation")


@pytest.mark.parametrize(
    ("baseline", "figures", "expected"),
    [
        (ACCURACY, (0.70, 0.75, 0.79), True),
        (ACCURACY, (0.82, 0.85, 0.87), True),  # over the bar, and worse than at the gate
        (ACCURACY, (0.75, 0.82, 0.89), False),
        (ACCURACY, (0.95, 0.97, 0.99), False),
        (ERROR, (61.0, 66.0, 70.0), True),
        (ERROR, (54.0, 57.0, 59.0), True),
        (ERROR, (40.0, 48.0, 56.0), False),
        (ERROR, (20.0, 25.0, 30.0), False),
        (msgspec.structs.replace(ACCURACY, low=None, bar=None), (0.1, 0.1, 0.1), None),
    ],
)
def test_degradation_needs_the_whole_interval_on_the_wrong_side(
    baseline: Baseline, figures: tuple[float, float, float], expected: bool | None
) -> None:
    assert broken(DEGRADATION, measured(*figures), baseline) is expected


def test_a_rule_may_set_its_own_limit_for_degradation() -> None:
    rule = AlertRule(when="degradation", below=0.95)
    found = judge_performance(rule, measured(0.89, 0.92, 0.94), ACCURACY, PROJECT)
    assert found is not None
    assert (found.is_broken, found.limit) == (True, 0.95)


def test_degradation_is_not_judged_on_few_labels_or_without_a_figure() -> None:
    assert broken(DEGRADATION, None, ACCURACY) is None
    assert broken(DEGRADATION, measured(0.1, 0.2, 0.3, labelled=29), ACCURACY) is None
    nothing = msgspec.structs.replace(measured(0.1, 0.2, 0.3), value=None)
    assert broken(DEGRADATION, nothing, ACCURACY) is None
    assert broken(AlertRule(when="degradation", windows=3), measured(0.1, 0.2, 0.3), ACCURACY) is None


def test_what_is_said_names_figure_interval_and_limit() -> None:
    found = judge_performance(DEGRADATION, measured(0.7, 0.75, 0.79, windows=2), ACCURACY, PROJECT)
    assert found is not None
    assert found.says == (
        "accuracy 0.750 (between 0.700 and 0.790) on 500 labelled of 1,000 answers of 2 windows is under "
        "0.800, the charter's bar"
    )


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        (AlertRule(when="quality"), {"faulty": 0.06, "quality": {"null": 60}}, True),
        (AlertRule(when="quality"), {"faulty": 0.05, "quality": {"null": 50}}, False),
        (AlertRule(when="errors"), {"errors": 11}, True),
        (AlertRule(when="errors"), {"errors": 10}, False),
        (AlertRule(when="latency"), {"latency_p99_us": 1_000_001}, True),
        (AlertRule(when="latency", above=6.0), {}, False),
        (AlertRule(when="drift"), {"drifted": ["x"], "effect": 0.3}, True),
        (AlertRule(when="drift"), {"drifted": [], "effect": 0.3}, False),
        (AlertRule(when="drift", above=0.4), {"drifted": ["x"], "effect": 0.3}, False),
        (AlertRule(when="drift"), {"judged": False}, None),
        (AlertRule(when="errors"), {"rows": 10, "errors": 10, "judged": False}, None),
    ],
)
def test_windows_are_held_against_limits(
    rule: AlertRule, fields: dict[str, Any], expected: bool | None
) -> None:
    found = judge_windows(rule, [line(**fields)], PROJECT)
    assert (None if found is None else found.is_broken) is expected


def test_several_windows_on_end_are_those_that_can_be_judged() -> None:
    rule = AlertRule(when="drift", windows=2)
    drifted = {"drifted": ["x"], "effect": 0.3}
    lines = [line(0, **drifted), line(1, judged=False), line(2, **drifted)]
    found = judge_windows(rule, lines, PROJECT)
    assert found is not None
    assert (found.is_broken, found.start.day, found.end.day) == (True, 4, 7)
    assert judge_windows(rule, lines[:2], PROJECT) is None


def test_rows_that_are_enough_follow_the_project() -> None:
    small = msgspec.structs.replace(PROJECT, monitor=Monitor(min_rows=5))
    found = judge_windows(AlertRule(when="errors"), [line(rows=10, errors=10, judged=False)], small)
    assert found is not None
    assert found.is_broken


def test_silence_counts_whole_windows() -> None:
    found = [judge_silence(AlertRule(when="silence", windows=2), n, DAY, DAY).is_broken for n in range(4)]
    assert found == [False, False, True, True]
    assert judge_silence(AlertRule(when="silence", above=2), 3, DAY, DAY).is_broken


def test_a_project_without_alerts_has_rules_all_the_same() -> None:
    assert rules_of(PROJECT) == DEFAULT_RULES
    mine = msgspec.structs.replace(PROJECT, alerts={"mine": AlertRule(when="drift")})
    assert list(rules_of(mine)) == ["mine"]
