"""What shadows would have said: recorded beside what was answered, and never in anybody's way."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.serving.served import HANGS, RAISES, RECOVERS, SLEEPS, routing

from ropeway.predictions.record import SHADOWS, ShadowRecord, all_predictions
from ropeway.serving.division import Division
from ropeway.store import read_segment


def shadows(home: Path) -> list[ShadowRecord]:
    return [
        msgspec.json.decode(record, type=ShadowRecord)
        for path in sorted((home / SHADOWS).glob("*.seg"))
        for record in read_segment(path).records
    ]


def drained(service: Any) -> list[ShadowRecord]:
    service.wait_for(lambda health: health["mirrored_rows_waiting"] == 0)
    return shadows(service.home)


def beside(service: Any, version: int) -> dict[str, Any]:
    return next(each for each in service.health()["routing"] if each["model"] == f"mood@{version}")


def test_a_shadow_is_asked_the_same_rows_and_never_answers(start_service: Callable[..., Any]) -> None:
    service = start_service(routing(shadows=[2]), entity="customer")
    one = service.predict({"text": "good"}).json()
    many = service.predict({"rows": [{"text": "bad", "customer": n} for n in range(20)]}).json()
    assert one["model"] == many["model"] == "mood@1"
    found = {each.of: each for each in drained(service)}
    ids = [one["id"], *(each["id"] for each in many["predictions"])]
    assert set(found) == set(ids)
    logged = dict(all_predictions(service.home))
    for each in found.values():
        assert (each.model, each.rollout, each.error) == ("mood@2", "r-1", "")
        assert each.prediction == logged[each.of].prediction
        assert each.at == logged[each.of].at
        assert each.probabilities != logged[each.of].probabilities
    told = beside(service, 2)
    assert (told["share"], told["is_asked_beside"], told["answered"], told["asked_beside"]) == (
        0,
        True,
        0,
        21,
    )


def test_with_mirroring_on_both_sides_of_a_canary_have_both_answers(
    start_service: Callable[..., Any],
) -> None:
    service = start_service(routing(v2=0.5, shadows=[2]), entity="customer")
    division = Division("salt-1", [0.5])
    rows = [{"text": "good", "customer": f"c{n}"} for n in range(60)]
    answers = service.predict({"rows": rows}).json()["predictions"]
    found = {each.of: each.model for each in drained(service)}
    for row, answer in zip(rows, answers, strict=True):
        is_arm = division.arm_of(row["customer"]) == 0
        assert found[answer["id"]] == ("mood@1" if is_arm else "mood@2")
    assert len(found) == 60


def test_a_version_is_not_asked_beside_for_rows_that_it_just_failed_on(
    start_service: Callable[..., Any],
) -> None:
    alias = routing(**{f"v{RECOVERS}": 0.5}, shadows=[RECOVERS])
    service = start_service(alias, entity="customer")
    division = Division("salt-1", [0.5])
    customer = next(f"c{n}" for n in range(99) if division.arm_of(f"c{n}") == 0)
    answer = service.predict({"text": "good", "customer": customer}).json()
    (beside,) = drained(service)
    assert (answer["model"], beside.of, beside.model) == ("mood@1", answer["id"], f"mood@{RECOVERS}")
    assert (beside.error, beside.prediction, beside.rollout) == ("prediction-failed", None, "r-1")
    logged = dict(all_predictions(service.home))
    (failed,) = [record for record in logged.values() if record.error]
    assert beside.latency_us == failed.latency_us
    assert logged[answer["id"]].instead_of == failed.model == beside.model


def test_a_routing_without_shadows_mirrors_nothing(start_service: Callable[..., Any]) -> None:
    service = start_service(routing(v2=0.5), entity="customer")
    service.predict({"rows": [{"text": "good"}] * 20})
    assert drained(service) == []


def test_a_shadow_that_fails_is_on_record_and_nobody_notices(start_service: Callable[..., Any]) -> None:
    service = start_service(routing(shadows=[RAISES]))
    answer = service.predict({"text": "good"}).json()
    (record,) = drained(service)
    assert (record.of, record.error, record.prediction) == (answer["id"], "prediction-failed", None)
    assert beside(service, RAISES)["errors_beside"] == 1
    assert service.health()["status"] == "ok"


def test_a_shadow_that_hangs_delays_nobody_and_what_it_misses_is_counted(
    start_service: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ropeway.serving.mirror.QUEUED_ROWS", 50)
    monkeypatch.setattr("ropeway.serving.mirror.STOP_S", 0.3)
    service = start_service(routing(shadows=[HANGS, 2]))
    for _ in range(80):
        assert service.predict({"text": "good"}).json()["model"] == "mood@1"
    service.wait_for(lambda health: health["mirrored_rows_waiting"] == 50)
    assert {each.model for each in shadows(service.home)} == {"mood@2"}
    assert len(shadows(service.home)) + beside(service, 2)["dropped_beside"] == 80
    assert beside(service, HANGS)["dropped_beside"] == 30
    service.stop()
    assert f"mood@{HANGS} was not asked beside for 50 rows" in caplog.text


def test_what_is_queued_is_asked_before_a_graceful_stop_ends(start_service: Callable[..., Any]) -> None:
    service = start_service(routing(shadows=[2]))
    rows = [{"text": "good"}] * 10
    for _ in range(30):
        service.predict({"rows": rows})
    service.stop()
    assert len(shadows(service.home)) == 300


def test_a_shadow_that_is_taken_away_is_asked_no_more(start_service: Callable[..., Any]) -> None:
    service = start_service(routing(shadows=[2]))
    service.predict({"text": "good"})
    assert len(drained(service)) == 1
    service.alias.write_text(routing())
    service.wait_for(lambda health: len(health["routing"]) == 1)
    service.predict({"text": "good"})
    service.alias.write_text(routing(shadows=[3]))
    service.wait_for(lambda health: any(each["is_asked_beside"] for each in health["routing"]))
    service.predict({"text": "good"})
    assert [each.model for each in drained(service)] == ["mood@2", "mood@3"]


def test_a_slow_shadow_leaves_the_replies_as_they_are(
    start_service: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ropeway.serving.mirror.STOP_S", 0.1)
    service = start_service(routing(shadows=[SLEEPS]))
    service.predict({"text": "good"})
    time.sleep(0.05)
    answers = [service.predict({"text": "good"}).json() for _ in range(10)]
    # Ten answers came while the shadow was at its first.
    assert len(shadows(service.home)) <= 1
    assert {answer["model"] for answer in answers} == {"mood@1"}
    service.stop()
