"""Several versions in one service: who answers, what is carried, and that nobody suffers from a trial."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.serving.served import (
    ANSWERS_LESS,
    EXITS,
    HANGS,
    RAISES,
    READS_MORE,
    SLEEPS,
    Mood,
    parse_routing,
    routing,
)

from ropeway.core.clock import SystemClock
from ropeway.predictions.record import PredictionRecord, all_predictions, find_in
from ropeway.serving import answering
from ropeway.serving.division import Division
from ropeway.serving.loaded import Loaded
from ropeway.serving.reader import Asked, Reader
from ropeway.serving.traffic import Traffic

JSON = {"content-type": "application/json"}


@pytest.fixture
def divided(start_service: Callable[..., Any]) -> Any:
    """mood@1 live, mood@2 with a half; customers divide traffic."""
    return start_service(routing(v2=0.5), carry=["id"], entity="customer")


def records(service: Any) -> list[PredictionRecord]:
    return [record for _, record in all_predictions(service.home)]


def ask(service: Any, customer: Any, text: str = "good") -> dict[str, Any]:
    reply = service.predict({"text": text, "customer": customer})
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def in_arm(share: float = 0.5, salt: str = "salt-1") -> str:
    """A customer who falls to the arm."""
    division = Division(salt, [share])
    return next(f"c{n}" for n in range(100) if division.arm_of(f"c{n}") == 0)


def test_every_customer_is_answered_by_one_version_as_the_shares_say(divided: Any) -> None:
    division = Division("salt-1", [0.5])
    answers = {f"c{n}": ask(divided, f"c{n}")["model"] for n in range(200)}
    for customer, model in answers.items():
        assert model == ("mood@2" if division.arm_of(customer) == 0 else "mood@1")
        assert ask(divided, customer)["model"] == model
    assert {record.rollout for record in records(divided) if record.model == "mood@1"} == {""}
    assert {record.rollout for record in records(divided) if record.model == "mood@2"} == {"r-1"}


def test_rows_of_one_batch_go_to_their_versions_and_come_back_in_order(divided: Any) -> None:
    rows = [{"text": ["good", "bad"][n % 2], "customer": n, "id": n} for n in range(300)]
    reply = divided.predict({"rows": rows}).json()
    division = Division("salt-1", [0.5])
    assert reply["model"] == "mood@1"
    logged = dict(all_predictions(divided.home))
    for row, answer in zip(rows, reply["predictions"], strict=True):
        model = "mood@2" if division.arm_of(str(row["customer"])) == 0 else "mood@1"
        assert answer.get("model", "mood@1") == model
        assert ("model" in answer) == (model != "mood@1")
        assert answer["prediction"] == ["positive", "negative"][row["id"] % 2]
        record = logged[answer["id"]]
        assert (record.model, record.carried) == (model, {"customer": row["customer"], "id": row["id"]})
        assert (record.entity, record.inputs) == (str(row["customer"]), {"text": row["text"]})


@pytest.mark.parametrize("row", [{}, {"customer": None}, {"customer": ""}])
def test_what_is_nobody_s_is_dealt_by_itself(divided: Any, row: dict[str, Any]) -> None:
    reply = divided.predict({"rows": [{"text": "good", **row}] * 1000}).json()
    of_the_arm = sum("model" in each for each in reply["predictions"])
    assert abs(of_the_arm - 500) <= 5 * math.sqrt(250)
    assert {record.entity for record in records(divided)} == {""}


def test_carried_fields_and_the_entity_follow_the_log_s_policy(start_service: Callable[..., Any]) -> None:
    policy = {"customer": "hashed", "email": "dropped", "id": "kept"}
    service = start_service(routing(v2=0.5), carry=["id", "email"], entity="customer", columns=policy)
    for _ in range(2):
        service.predict({"text": "good", "customer": "Ana", "email": "ana@example.com", "id": 7})
    first, second = records(service)
    assert first.entity == second.entity == service.log.entity_as_logged("Ana")
    assert first.carried == {"customer": service.log.columns.hash("Ana"), "id": 7}
    assert (first.hashed, first.dropped) == (["customer"], ["email"])
    raw = b"".join(path.read_bytes() for path in service.home.rglob("*.seg"))
    assert b"Ana" not in raw
    assert b"example.com" not in raw


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"text": "t", "customer": {"a": {"b": 1}}}', 422, "signature-mismatch"),
        (b'{"text": "t", "customer": [1, 2]}', 422, "signature-mismatch"),
        (b'{"text": "t", "customer": NaN}', 422, "signature-mismatch"),
        (b'{"text": "t", "customer": 1e999}', 422, "signature-mismatch"),
        (b'{"text": "t", "customer": "\\ud800"}', 400, "malformed-request"),
        (b'{"text": "t", "customer": "' + b"x" * 2**20 + b'"}', 413, "body-too-large"),
        (b'{"text": "t", "custmer": "c1"}', 422, "signature-mismatch"),
    ],
)
def test_an_entity_that_is_none_is_refused(divided: Any, body: bytes, status: int, code: str) -> None:
    reply = divided.client.post("/predict", content=body, headers=JSON)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert records(divided) == []


@pytest.mark.parametrize(
    "customer", ["é", "客", "\u0000", "a\nb", "👩‍👩‍👧", " ", "x" * 10_000, 0, False, -1.5, 1e300]
)
def test_an_entity_may_be_any_plain_value(divided: Any, customer: Any) -> None:
    models = {ask(divided, customer)["model"] for _ in range(5)}
    assert len(models) == 1
    assert len({record.entity for record in records(divided)} - {""}) == 1


def test_an_arm_that_fails_is_answered_for_by_the_live_version(
    start_service: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    service = start_service(routing(**{f"v{RAISES}": 0.5}), entity="customer")
    customer = in_arm()
    answer = ask(service, customer)
    assert (answer["model"], answer["prediction"]) == ("mood@1", "positive")
    failed, answered = records(service)
    assert (failed.model, failed.error, failed.prediction) == (f"mood@{RAISES}", "prediction-failed", None)
    assert (failed.entity, failed.rollout) == (customer, "r-1")
    assert (answered.model, answered.error, answered.entity) == ("mood@1", "", customer)
    assert (answered.instead_of, answered.rollout) == (failed.model, "r-1")
    assert dict(all_predictions(service.home))[answer["id"]] == answered
    assert find_in(service.home, answer["id"]).instead_of == failed.model
    live, arm = service.health()["routing"]
    assert (live["answered"], live["errors"], arm["answered"], arm["errors"]) == (1, 0, 0, 1)
    assert "a bug of the new version" in caplog.text
    batch = service.predict({"rows": [{"text": "bad", "customer": n} for n in range(50)]}).json()
    assert {each["prediction"] for each in batch["predictions"]} == {"negative"}
    assert not any("model" in each for each in batch["predictions"])
    logged = dict(all_predictions(service.home))
    for number, each in enumerate(batch["predictions"]):
        is_arm = Division("salt-1", [0.5]).arm_of(str(number)) == 0
        assert logged[each["id"]].instead_of == (failed.model if is_arm else "")


def test_the_live_version_s_failure_is_on_record_without_an_answer(divided: Any) -> None:
    assert divided.predict({"text": "raise"}).status_code == 500
    assert divided.health()["predictions"] == 0
    errors = [record for record in records(divided) if record.error]
    assert {(each.model, each.error) for each in errors} <= {
        ("mood@1", "prediction-failed"),
        ("mood@2", "prediction-failed"),
    }
    assert "mood@1" in [each.model for each in errors]


def test_a_slow_arm_holds_up_nobody_else(start_service: Callable[..., Any]) -> None:
    service = start_service(routing(**{f"v{SLEEPS}": 0.5}), entity="customer")
    slow, quick = (
        in_arm(),
        next(f"q{n}" for n in range(99) if Division("salt-1", [0.5]).arm_of(f"q{n}") is None),
    )
    order: list[str] = []

    def of_the_arm() -> None:
        httpx.post(f"{service.url}/predict", json={"text": "good", "customer": slow})
        order.append("slow")

    waiting = threading.Thread(target=of_the_arm)
    waiting.start()
    while not service.deployment.traffic.arms[0].lane.is_stuck(0):
        time.sleep(0.005)
    for _ in range(10):
        ask(service, quick)
    order.append("quick")
    waiting.join()
    assert order == ["quick", "slow"]


async def answered_after(held_s: float, traffic: Traffic, asked: Asked) -> list[answering.Part]:
    """The answers, each version's thread having been busy with something else for so long."""
    is_free = threading.Event()
    for version in (traffic.live, traffic.arms[0]):
        version.lane.do(is_free.wait)
    asking = asyncio.create_task(answering.answer(traffic, asked, lambda _: None, is_discreet=False))
    await asyncio.sleep(0)
    await asyncio.sleep(held_s)
    is_free.set()
    return await asking


def test_what_is_logged_is_how_long_the_caller_waited_for_the_version() -> None:
    live, arm = (Loaded(Mood(version), SystemClock().now()) for version in (1, 2))
    reader = Reader(live.signature, entity="customer")
    traffic = Traffic(parse_routing(routing(v2=0.5)), live, [arm], [], reader, {})
    customers = [in_arm(), next(f"q{n}" for n in range(99) if traffic.version_of(f"q{n}") is live)]
    asked, _ = reader.read({"rows": [{"text": "good", "customer": each} for each in customers]})
    parts = asyncio.run(answered_after(0.05, traffic, asked))
    assert {part.version for part in parts} == {live, arm}
    for part in parts:
        assert part.latency_us - part.run_us >= 50_000
        assert part.run_us > 0
        assert part.version.tally.latency_us == part.latency_us


def test_an_arm_that_hangs_is_passed_over(
    start_service: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ropeway.serving.answering.ARM_S", 0.2)
    service = start_service(routing(**{f"v{HANGS}": 0.5}), entity="customer")
    customer = in_arm()
    for _ in range(5):
        assert ask(service, customer)["model"] == "mood@1"
    errors = [record for record in records(service) if record.error]
    assert [each.error for each in errors] == ["answer-overdue"] * 5
    assert [each.latency_us > 0 for each in errors] == [True, False, False, False, False]


@pytest.mark.parametrize("version", [99, READS_MORE, ANSWERS_LESS, EXITS])
def test_a_version_that_cannot_take_part_is_kept_out_and_the_rest_goes_on(
    start_service: Callable[..., Any], version: int, caplog: pytest.LogCaptureFixture
) -> None:
    service = start_service(routing(**{f"v{version}": 0.4, "v2": 0.3}, shadows=[version]), entity="customer")
    models = {ask(service, f"c{n}")["model"] for n in range(100)}
    assert models == {"mood@1", "mood@2"}
    health = service.health()
    shares = {each["model"]: each["share"] for each in health["routing"]}
    assert shares == {"mood@1": 0.7, "mood@2": 0.3, f"mood@{version}": 0.0}
    code = {99: "not-found", EXITS: "internal"}.get(version, "signature-incompatible")
    (kept_out,) = [each for each in health["routing"] if each["trouble"]]
    assert (kept_out["model"], kept_out["trouble"]["code"]) == (f"mood@{version}", code)
    assert (health["status"], health["state"], health["trouble"]["code"]) == ("ok", "current", code)
    assert caplog.text.count("is kept out") == 1
    service.alias.write_text(routing(v2=0.3))
    service.wait_for(lambda health: health["trouble"] is None)


def test_a_version_whose_share_is_taken_away_answers_no_more(divided: Any) -> None:
    customer = in_arm()
    assert ask(divided, customer)["model"] == "mood@2"
    divided.follow(routing())
    divided.wait_for(lambda health: len(health["routing"]) == 1)
    assert ask(divided, customer)["model"] == "mood@1"
    divided.follow(routing(live=2))
    assert ask(divided, customer)["model"] == "mood@2"


def test_a_live_version_that_does_not_load_leaves_the_one_before_with_the_new_arms(divided: Any) -> None:
    divided.alias.write_text(routing(live=99, v3=0.5))
    divided.wait_for(lambda health: health["state"] == "last-known-good" and len(health["routing"]) == 2)
    assert {ask(divided, f"c{n}")["model"] for n in range(50)} == {"mood@1", "mood@3"}


def test_openapi_tells_of_carried_fields_and_its_examples_are_answered(divided: Any) -> None:
    document = divided.client.get("/openapi.json").json()
    row = document["components"]["schemas"]["Row"]
    assert (list(row["properties"]), row["required"]) == (["text", "id", "customer"], ["text"])
    assert "which version answers" in row["properties"]["customer"]["description"]
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert "one row that carries more" in content["examples"]
    for example in content["examples"].values():
        assert divided.predict(example["value"]).status_code == 200


def test_feedback_is_taken_on_answers_of_every_version_and_refused_on_what_failed(
    start_service: Callable[..., Any],
) -> None:
    service = start_service(routing(**{f"v{RAISES}": 0.5}), entity="customer")
    answer = ask(service, in_arm())
    failed = next(each for each, record in all_predictions(service.home) if record.error)
    said = [
        service.client.post("/feedback", json={"id": wanted, "value": "positive"}).status_code
        for wanted in (answer["id"], failed)
    ]
    assert said == [200, 404]
    assert json.dumps(answer).count(failed) == 0
