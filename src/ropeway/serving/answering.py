"""One request answered by several versions: each its own rows, and the live one those that an arm fails on.

Nobody suffers from a version that is on trial: where an arm raises, or keeps one waiting, the live version
answers, and the arm's failure is on record.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.core.ids import PredictionId
from ropeway.serving.answer import Answer, ask
from ropeway.serving.errors import AnswerOverdue, SignatureMismatch
from ropeway.serving.loaded import Loaded
from ropeway.serving.reader import Asked
from ropeway.serving.signature import Request
from ropeway.serving.traffic import Traffic

ARM_S = 5.0
"""An arm that has not answered after this long is passed over; the live version answers instead."""


class Failure(msgspec.Struct, frozen=True):
    """Rows of a request that a version failed on."""

    version: Loaded
    rows: list[int]
    code: str
    latency_us: int


class Part(msgspec.Struct, frozen=True):
    """Rows of a request that one version answered, in one go; `failed` is the arm that should have."""

    version: Loaded
    rows: list[int]
    answers: list[Answer]
    latency_us: int
    run_us: int
    failed: Failure | None = None


OnFailure = Callable[[Failure], None]


class _Outcome(msgspec.Struct, frozen=True):
    answers: list[Answer]
    error: RopewayError | None
    latency_us: int
    run_us: int = 0


async def answer(traffic: Traffic, asked: Asked, on_failure: OnFailure, *, is_discreet: bool) -> list[Part]:
    """The answers to a request, by the versions that gave them; every row has one.

    Args:
        traffic: who answers what.
        asked: the request.
        on_failure: told of every version that failed on some rows.
        is_discreet: an exception's words may hold values that are not to be logged.

    Raises:
        SignatureMismatch: values that the live version's columns cannot hold.
        PredictionFailed: the live version failed.
    """
    if not traffic.is_divided:
        every = list(range(asked.request.height))
        return [await _ask_live(traffic.live, asked.request, every, on_failure, is_discreet=is_discreet)]

    async def part(version: Loaded, rows: list[int]) -> Part:
        request = only(asked.request, rows)
        if version is not traffic.live:
            given = await _ask_arm(version, request, rows, is_discreet=is_discreet)
            if isinstance(given, Part):
                return given
            return await _ask_instead(traffic.live, given, request, on_failure, is_discreet=is_discreet)
        return await _ask_live(traffic.live, request, rows, on_failure, is_discreet=is_discreet)

    divided = traffic.divide(asked)
    if len(divided) == 1:
        return [await part(*divided[0])]
    return list(await asyncio.gather(*(part(version, rows) for version, rows in divided)))


async def _ask_live(
    live: Loaded, request: Request, rows: list[int], on_failure: OnFailure, *, is_discreet: bool
) -> Part:
    work = partial(_ask, live, request, time.perf_counter_ns(), is_discreet=is_discreet)
    outcome = await live.lane.do(work)
    if outcome.error is None:
        live.tally.add(len(rows), outcome.latency_us)
        return Part(live, rows, outcome.answers, outcome.latency_us, outcome.run_us)
    # Values that fit no column are the caller's mistake, and no failure of the version.
    if not isinstance(outcome.error, SignatureMismatch):
        _count(Failure(live, rows, outcome.error.code, outcome.latency_us), on_failure)
    raise outcome.error


async def _ask_instead(
    live: Loaded, failure: Failure, request: Request, on_failure: OnFailure, *, is_discreet: bool
) -> Part:
    """The live version's answers to rows that an arm failed on."""
    is_mismatch = failure.code == SignatureMismatch.code
    if not is_mismatch:
        _count(failure, on_failure)
    part = await _ask_live(live, request, failure.rows, on_failure, is_discreet=is_discreet)
    # Known only now: had the live version refused those values too, the mistake would be the caller's.
    if is_mismatch:
        _count(failure, on_failure)
    return msgspec.structs.replace(part, failed=failure)


def _count(failure: Failure, on_failure: OnFailure) -> None:
    failure.version.tally.errors += len(failure.rows)
    on_failure(failure)


async def _ask_arm(arm: Loaded, request: Request, rows: list[int], *, is_discreet: bool) -> Part | Failure:
    """The arm's answers, or what it failed with."""
    if arm.lane.is_stuck(ARM_S):
        # Nobody else waits for a version that hangs: whoever found out has waited long enough.
        outcome = _Outcome([], AnswerOverdue(arm.ref, ARM_S), 0)
    else:
        begun = time.perf_counter_ns()
        try:
            work = partial(_ask, arm, request, begun, is_discreet=is_discreet)
            outcome = await asyncio.wait_for(arm.lane.do(work), ARM_S)
        except TimeoutError:
            outcome = _Outcome([], AnswerOverdue(arm.ref, ARM_S), _us_since(begun))
    if outcome.error is None:
        arm.tally.add(len(rows), outcome.latency_us)
        return Part(arm, rows, outcome.answers, outcome.latency_us, outcome.run_us)
    return Failure(arm, rows, outcome.error.code, outcome.latency_us)


def _ask(version: Loaded, request: Request, begun_ns: int, *, is_discreet: bool) -> _Outcome:
    """In the version's thread; the request has waited for its turn since `begun_ns`."""
    answers, error, turn_ns = list[Answer](), None, time.perf_counter_ns()
    try:
        answers = ask(version.servable, request, is_discreet)
    except RopewayError as raised:
        error = raised
    return _Outcome(answers, error, _us_since(begun_ns), _us_since(turn_ns))


def _us_since(begun_ns: int) -> int:
    return (time.perf_counter_ns() - begun_ns) // 1000


def only(request: Request, rows: list[int]) -> Request:
    """Some rows of a request."""
    if len(rows) == request.height:
        return request
    columns = {name: [values[row] for row in rows] for name, values in request.columns.items()}
    return Request(columns, len(rows), request.is_batch)


def reply_of(traffic: Traffic, asked: Asked, parts: list[Part], ids: list[PredictionId]) -> dict[str, Any]:
    """The reply's content, rows in their order; in a batch, a row names its version where that is another."""
    said: list[dict[str, Any]] = [{}] * asked.request.height
    for part in parts:
        named = not asked.request.is_batch or part.version is not traffic.live
        for row, given in zip(part.rows, part.answers, strict=True):
            entry: dict[str, Any] = {"id": ids[row]}
            if named:
                entry["model"] = part.version.ref
            entry["prediction"] = given.prediction
            if given.probabilities is not None:
                entry["probabilities"] = given.probabilities
            said[row] = entry
    return {"model": traffic.live.ref, "predictions": said} if asked.request.is_batch else said[0]
