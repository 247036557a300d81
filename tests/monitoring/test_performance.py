"""Truth comes late, twice and contradictory: performance is measured anew whenever it says something else."""

import pytest
from production import Production, truth_of

from ropeway.continuous.retraining.operations import pause_policy
from ropeway.core.ids import ModelName
from ropeway.monitoring.operations import get_health, list_alerts, list_windows
from ropeway.monitoring.records import Performance


def performance(production: Production, window: int = -1) -> Performance:
    found = list_windows(production.workspace)[window].performance
    assert found is not None
    return found


def test_before_any_truth_there_is_an_estimate_and_no_value(production: Production) -> None:
    production.answer(0, production.xs(100))
    production.look(1)
    found = performance(production)
    assert (found.labelled, found.value, found.coverage) == (0, None, 0.0)
    # It is always sure, and has too few tuned rows to be believed less.
    assert found.estimated is not None and found.estimated > 0.9  # noqa: PT018


def test_late_labels_are_measured_with_their_coverage(production: Production) -> None:
    xs = production.xs(100)
    ids = production.answer(0, xs)
    production.look(1)
    production.answer(5, production.xs(60))
    production.look(6)
    production.tell(ids[:40], truth_of(xs[:40], wrong=8))
    assert production.look(7).measured == 1
    found = performance(production, 0)
    assert (found.rows, found.labelled, found.coverage, found.value) == (100, 40, 0.4, 0.8)
    assert found.low is not None and found.high is not None  # noqa: PT018
    assert found.low < 0.8 < found.high
    assert (found.cost, found.metric) == (0.2, "accuracy")
    assert found.estimated is not None


def test_the_same_labels_are_not_measured_twice(production: Production) -> None:
    xs = production.xs(100)
    ids = production.answer(0, xs)
    production.tell(ids, truth_of(xs))
    assert production.look(1).measured == 1
    before = _events(production)
    assert production.look(1).measured == 0
    production.tell(ids[:3], truth_of(xs[:3]))
    assert production.look(1).measured == 0
    assert _events(production) == before + 1  # the segment of feedback, sealed


def test_a_contradicting_label_takes_the_place_of_the_one_before(production: Production) -> None:
    xs = production.xs(100)
    ids = production.answer(0, xs)
    production.tell(ids, truth_of(xs))
    production.look(1)
    assert performance(production).value == 1.0
    production.tell(ids[:50], truth_of(xs[:50], wrong=50))
    assert production.look(1).measured == 1
    assert performance(production).value == 0.5


def test_a_class_that_no_column_names_counts_as_wrong(production: Production) -> None:
    ids = production.answer(0, production.xs(60))
    production.tell(ids, ["elsewhere"] * 60)
    production.look(1)
    assert performance(production).value == 0.0


def test_truth_that_says_nothing_is_no_label(production: Production) -> None:
    ids = production.answer(0, production.xs(60))
    production.tell(ids, [None] * 60)
    production.look(1)
    assert performance(production).labelled == 0


def test_failures_are_not_measured(production: Production) -> None:
    xs = production.xs(60)
    ids = production.answer(0, xs, failed=20)
    production.tell(ids, truth_of(xs))
    production.look(1)
    assert (performance(production).rows, performance(production).labelled) == (40, 40)


@pytest.mark.parametrize(("paused", "step"), [(False, "ropeway retrain"), (True, "ropeway monitor report")])
def test_what_to_do_about_degradation_is_one_command(production: Production, paused: bool, step: str) -> None:
    """Once it was a sentence with two commands in it, and refused while the policy was paused."""
    production.settings('[policy]\ntriggers = ["drift"]\n')
    if paused:
        pause_policy(
            production.workspace, name=ModelName("halves"), environment="production", reason="to see why"
        )
    xs = production.xs(100)
    bad = production.answer(0, xs)
    production.look(1)
    production.tell(bad, truth_of(xs, wrong=60))
    assert [alert.next_step for alert in production.look(2).raised] == [step]


def test_degradation_is_told_once_and_resolved_when_it_is_over(production: Production) -> None:
    xs = production.xs(100)
    bad = production.answer(0, xs)
    production.look(1)
    production.tell(bad, truth_of(xs, wrong=60))
    [alert] = production.look(2).raised
    assert (alert.when, alert.severity, alert.figure) == ("degradation", "page", 0.4)
    assert "accuracy 0.400" in alert.says
    assert alert.next_step == "ropeway monitor report"
    assert production.look(2).raised == []
    good = production.answer(2, xs)
    production.tell(good, truth_of(xs))
    seen = production.look(3)
    assert [each.id for each in seen.resolved] == [alert.id]
    assert list_alerts(production.workspace) == []


def test_a_correction_of_the_truth_resolves_it_too(production: Production) -> None:
    xs = production.xs(100)
    ids = production.answer(0, xs)
    production.tell(ids, truth_of(xs, wrong=60))
    assert len(production.look(1).raised) == 1
    production.tell(ids, truth_of(xs))
    assert len(production.look(1).resolved) == 1


def test_small_windows_add_up_to_a_judgement(production: Production) -> None:
    for day in range(4):
        xs = production.xs(20, seed=day)
        production.tell(production.answer(day, xs), truth_of(xs, wrong=14))
        seen = production.look(day + 1)
        assert len(seen.raised) == (1 if day == 1 else 0)
    [health] = get_health(production.workspace)
    assert health.performance is not None
    # Three windows of 20 have the 50 labels that are enough.
    assert (health.performance.windows, health.performance.labelled) == (3, 60)
    assert health.baseline is not None and health.baseline.value == 1.0  # noqa: PT018


def test_coverage_has_a_rule(production: Production) -> None:
    production.settings('[alerts.few]\nwhen = "coverage"\nbelow = 0.5\n')
    xs = production.xs(100)
    ids = production.answer(0, xs)
    [alert] = production.look(1).raised
    assert (alert.rule, alert.figure, alert.limit) == ("few", 0.0, 0.5)
    production.tell(ids[:60], truth_of(xs[:60]))
    assert len(production.look(1).resolved) == 1


def test_answers_about_few_entities_are_less_certain(production: Production) -> None:
    xs = production.xs(100)
    ids = production.answer(0, xs, entity="one")
    alone = production.answer(1, xs)
    production.tell(ids, truth_of(xs, wrong=30))
    production.tell(alone, truth_of(xs, wrong=30))
    production.look(2)
    together, apart = performance(production, 0), performance(production, 1)
    assert together.value == apart.value == 0.7
    assert _width(together) > _width(apart)


def _width(found: Performance) -> float:
    assert found.low is not None and found.high is not None  # noqa: PT018
    return found.high - found.low


def _events(production: Production) -> int:
    ledger = production.workspace.ledger
    with ledger.reading() as connection:
        return sum(1 for _ in ledger.facts(connection))
