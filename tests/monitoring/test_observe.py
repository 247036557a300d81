"""Looking at production: windows are judged once, whatever they hold and however clocks jump."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from production import HALVES, Production

from ropeway.ledger.errors import LedgerDamaged
from ropeway.monitoring.observe import observe
from ropeway.monitoring.operations import get_health, get_window, list_alerts, list_windows
from ropeway.predictions.sealed import list_sealed
from ropeway.stats.drift.report import DriftReport
from ropeway.workspace import LocalWorkspace


def test_nothing_was_answered_and_nothing_is_on_record(production: Production) -> None:
    seen = production.look(3)
    assert (seen.windows, seen.raised, seen.measured, seen.notes) == ([], [], 0, [])


def test_a_window_like_training_is_judged_and_has_no_drift(production: Production) -> None:
    production.answer(0, production.xs(200))
    [line] = production.look(1).windows
    assert (line.ref, line.rows, line.errors, line.judged, line.drifted) == ("halves@1", 200, 0, True, [])
    assert (line.start, line.end) == (production.day(0), production.day(1))
    assert (line.latency_p50_us, line.latency_p99_us) == (1099, 1197)
    assert line.quality == {}


def test_a_window_is_judged_only_when_it_is_over(production: Production) -> None:
    production.answer(0, production.xs(200))
    production.go_to(production.day(0, hours=23.9))
    assert observe(production.workspace).windows == []
    assert len(production.look(1).windows) == 1
    assert production.look(1).windows == []


def test_values_that_moved_are_drift_and_raise_an_alert(production: Production) -> None:
    production.answer(0, production.xs(200, low=40))
    seen = production.look(1)
    assert seen.windows[0].drifted[0] == "x"
    [alert] = seen.raised
    assert (alert.rule, alert.model, alert.columns[0]) == ("drift", "halves@1", "x")
    assert "'x'" in alert.says
    assert alert.next_step == "ropeway monitor report"
    detail = get_window(
        production.workspace, model="halves@1", environment="production", start=production.day(0)
    )
    report = msgspec.convert(detail.drift, DriftReport)
    assert report.drifted == seen.windows[0].drifted


def test_few_rows_are_observed_and_not_judged(production: Production) -> None:
    production.answer(0, production.xs(10, low=40))
    [line] = production.look(1).windows
    assert not line.judged
    assert "10 rows, not judged for drift" in line.says
    assert list_alerts(production.workspace) == []


def test_a_constant_feature_is_drift(production: Production) -> None:
    production.answer(0, [7.5] * 200)
    [line] = production.look(1).windows
    assert "x" in line.drifted


def test_a_feature_that_is_all_null_is_drift_and_empty(production: Production) -> None:
    production.answer(0, [None] * 200)
    [line] = production.look(1).windows
    assert "x" in line.drifted
    assert line.quality["null"] == 200
    assert {alert.rule for alert in list_alerts(production.workspace)} == {"drift", "quality"}


def test_a_feature_of_another_type_is_told_and_breaks_nothing(production: Production) -> None:
    production.answer(0, [*production.xs(100), *(["warm"] * 50), *([[1, 2]] * 25), *([True] * 25)])
    [line] = production.look(1).windows
    assert line.quality["mistyped"] == 100
    assert line.faulty == 0.5


def test_a_feature_that_does_not_come_is_missing(production: Production) -> None:
    production.answer(0, production.xs(100), inputs=lambda number, x: {"x": x} if number % 2 else {})
    [line] = production.look(1).windows
    assert line.quality["missing"] == 50


def test_hashed_columns_are_not_looked_at(production: Production) -> None:
    production.answer(0, production.xs(100), inputs=lambda _number, _x: {"x": "abc123"}, hashed=["x"])
    [line] = production.look(1).windows
    assert line.quality == {}
    assert "x" not in line.drifted


def test_failures_are_counted_and_alerted(production: Production) -> None:
    production.answer(0, production.xs(100), failed=10)
    seen = production.look(1)
    assert seen.windows[0].errors == 10
    assert [alert.rule for alert in seen.raised] == ["errors"]
    assert "failed on 10 of 100" in seen.raised[0].says


def test_a_window_of_failures_alone_is_observed(production: Production) -> None:
    production.answer(0, production.xs(60), failed=60)
    [line] = production.look(1).windows
    assert (line.rows, line.errors) == (60, 60)


def test_each_version_and_environment_has_its_own_windows(production: Production) -> None:
    production.answer(0, production.xs(60))
    production.answer(0, production.xs(60), environment="staging")
    production.answer(1, production.xs(60))
    seen = production.look(2)
    assert [(line.environment, line.start.day) for line in seen.windows] == [
        ("production", 2),
        ("staging", 2),
        ("production", 3),
    ]


def test_a_version_that_is_asked_by_number_is_not_watched(production: Production) -> None:
    production.answer(0, production.xs(60), environment="")
    assert production.look(1).windows == []


def test_answers_of_an_unknown_version_are_noted(production: Production) -> None:
    production.answer(0, production.xs(60), ref="halves@99")
    production.answer(0, production.xs(60), ref="nonsense")
    seen = production.look(1)
    assert seen.windows == []
    assert len(seen.notes) == 2


def test_clocks_that_jump_make_no_windows_but_those_with_rows(production: Production) -> None:
    production.answer(-4000, production.xs(60))
    production.answer(0, production.xs(60))
    production.answer(4000, production.xs(60))
    assert len(production.look(1).windows) == 2
    # The clock itself is years ahead: the far window is over now, and nothing else is new.
    assert len(production.look(4100).windows) == 1
    production.answer(1, production.xs(60))
    assert [line.start for line in production.look(2).windows] == [production.day(1)]
    assert production.look(2).windows == []


def test_a_long_pause_is_caught_up_with_in_the_order_of_time(production: Production) -> None:
    for day in (0, 1, 5):
        production.answer(day, production.xs(60, seed=day))
    assert [line.start for line in production.look(9).windows] == [production.day(n) for n in (0, 1, 5)]


def test_another_length_of_windows_counts_no_row_twice(production: Production) -> None:
    production.answer(0, production.xs(60))
    production.look(1)
    (production.workspace.root / "ropeway.toml").write_text(
        HALVES.replace("[monitor]", '[monitor]\nwindow = "6h"')
    )
    assert production.look(1).windows == []
    production.answer(1, production.xs(100))
    assert [line.rows for line in production.look(2).windows] == [25, 25, 25, 25]


def test_two_observers_at_once_put_a_window_on_record_once(production: Production) -> None:
    production.answer(0, production.xs(200, low=40))
    production.go_to(production.day(1, hours=1))

    def run(_: int) -> int:
        with LocalWorkspace(production.workspace.root, actor="ana", clock=production.clock) as workspace:
            return len(observe(workspace).windows)

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(run, range(3))) == 1
    assert len(list_windows(production.workspace)) == 1
    assert len(list_alerts(production.workspace, open_only=False)) == 1


def test_windows_merge_into_health(production: Production) -> None:
    production.answer(0, production.xs(60))
    production.answer(1, production.xs(200, low=40))
    production.look(2)
    [health] = get_health(production.workspace)
    assert (health.ref, health.role, health.share, health.state) == ("halves@1", "live", 1.0, "alert")
    assert (health.windows, health.rows) == (2, 260)
    assert health.next_step == "ropeway monitor report"


def test_health_tells_of_silence(production: Production) -> None:
    production.answer(0, production.xs(60))
    production.look(1)
    assert get_health(production.workspace)[0].state == "well"
    production.look(4)
    assert get_health(production.workspace)[0].state == "silent"


def test_projections_are_the_same_when_made_anew(production: Production) -> None:
    production.answer(0, production.xs(200, low=40))
    ids = production.answer(1, production.xs(60))
    production.look(2)
    production.tell(ids, ["low"] * 60)
    production.look(3)
    before = [get_health(production.workspace), list_alerts(production.workspace, open_only=False)]
    production.workspace.ledger.rebuild()
    assert [get_health(production.workspace), list_alerts(production.workspace, open_only=False)] == before


FILED = (
    '[alerts.moved]\nwhen = "drift"\nsinks = ["ops"]\n[alerts.silent]\nwhen = "silence"\n'
    '[sinks.ops]\nkind = "file"\npath = "alerts.jsonl"\n'
)


def damage(production: Production, kind: str) -> None:
    """Turn a byte over in the first sealed segment of a kind."""
    segment = list_sealed(production.workspace.home, kind)[0][0]
    path = production.workspace.store.open_path(segment.content)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)


def test_damaged_feedback_is_told_and_alerts_go_out(production: Production) -> None:
    """Once nothing was delivered any more, not even what was on record."""
    production.settings(FILED)
    ids = production.answer(0, production.xs(60))
    production.tell(ids, ["low"] * 60)
    production.look(1)
    damage(production, "feedback")
    production.answer(1, production.xs(100, low=40))
    with LocalWorkspace(production.workspace.root, actor="ana", clock=production.clock) as anew:
        production.go_to(production.day(2, hours=1))
        seen = observe(anew)
    assert [error.partition(": [")[0] for error in seen.errors] == ["measuring by feedback"]
    assert "object-damaged" in seen.errors[0]
    assert ([alert.rule for alert in seen.raised], seen.delivered) == (["moved"], 1)


def test_a_log_that_cannot_be_read_is_not_called_silent(production: Production) -> None:
    production.settings(FILED)
    production.answer(0, production.xs(60))
    production.answer(1, production.xs(60), at=production.day(1, hours=1))
    production.look(1)
    damage(production, "predictions")
    with LocalWorkspace(production.workspace.root, actor="ana", clock=production.clock) as anew:
        production.go_to(production.day(2, hours=1))
        seen = observe(anew)
    assert any(error.startswith("reading the log: ") for error in seen.errors)
    assert seen.raised == []


@pytest.mark.sqlite("the ledger's file is damaged")
def test_a_look_of_which_no_part_can_be_done_raises(production: Production) -> None:
    with LocalWorkspace(production.workspace.root, actor="ana", clock=production.clock) as blind:
        for path in production.workspace.home.glob("ledger.db*"):
            if path.name.endswith("-shm"):
                continue  # mapped into this very process
            path.write_bytes(b"no database" * 4000)
        with pytest.raises(LedgerDamaged):
            observe(blind)


def test_rows_at_the_edge_belong_to_the_later_window(production: Production) -> None:
    production.answer(0, production.xs(60), at=production.day(1))
    production.go_to(production.day(1) + timedelta(seconds=1))
    assert observe(production.workspace).windows == []
    assert production.look(2).windows[0].start == production.day(1)
