"""The service itself, as a bare ASGI application: /predict, /feedback, /health, /openapi.json and /docs.

No framework stands between a request and the model: at some 800 µs a prediction that would be a visible tax.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from ropeway.core.clock import to_text
from ropeway.core.errors import RopewayError
from ropeway.core.ids import PredictionId
from ropeway.serving.answering import Failure, Part, answer, only, reply_of
from ropeway.serving.bodies import Bodies
from ropeway.serving.deploy import Deployment
from ropeway.serving.discretion import discreet
from ropeway.serving.door import (
    BODY_BYTES,
    JSON_HEADERS,
    Receive,
    Scope,
    Send,
    check_caller,
    check_json,
    decode_json,
    reply,
    reply_error,
)
from ropeway.serving.errors import (
    FeedbackMismatch,
    Internal,
    LogUnavailable,
    NoSuchMethod,
    SignatureMismatch,
    UnknownPath,
)
from ropeway.serving.feedback import give_feedback
from ropeway.serving.health import health_of
from ropeway.serving.log import PredictionLog
from ropeway.serving.mirror import Job, Mirrors
from ropeway.serving.openapi import docs_page, openapi_of
from ropeway.serving.reader import Asked
from ropeway.serving.signature import shorten, shown
from ropeway.serving.traffic import Traffic

logger = logging.getLogger("ropeway.serving")

FEEDBACK_FIELDS = ("id", "value", "by", "note")

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class PredictionApp:
    """Answers with whatever versions the deployment holds, and logs each answer before it leaves.

    Args:
        deployment: which versions answer.
        log: where answers and feedback are appended.
        is_draining: whether the server is on its way out.
        body_bytes: the limit of a request's body.
    """

    def __init__(
        self,
        deployment: Deployment,
        log: PredictionLog,
        *,
        is_draining: Callable[[], bool] = lambda: False,
        body_bytes: int = BODY_BYTES,
    ) -> None:
        self.deployment = deployment
        self.log = log
        self.is_draining = is_draining
        self.bodies = Bodies(body_bytes)
        self.started_at = log.clock.now()
        self.mirrors = Mirrors(log)
        self._encode = msgspec.json.Encoder().encode
        self._routes: dict[str, dict[str, Handler]] = {
            "/predict": {"POST": self._predict},
            "/feedback": {"POST": self._feedback},
            "/health": {"GET": self._health, "HEAD": self._health},
            "/openapi.json": {"GET": self._openapi, "HEAD": self._openapi},
            "/docs": {"GET": self._docs, "HEAD": self._docs},
            "/": {"GET": self._to_docs, "HEAD": self._to_docs},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from the door to the answer."""
        assert scope["type"] == "http", "served without lifespan and websockets"
        try:
            check_caller(scope["headers"])
            await self._route(scope)(scope, receive, send)
        except RopewayError as error:
            await reply_error(scope, receive, send, discreet(error, self.log.home.parent))
        except ConnectionAbortedError:
            return
        except Exception:  # the request edge: nothing above would answer the caller
            logger.exception("%s %s failed", scope["method"], scope["path"])
            await reply_error(scope, receive, send, Internal())

    def _route(self, scope: Scope) -> Handler:
        methods = self._routes.get(scope["path"])
        if methods is None:
            raise UnknownPath(scope["path"][:80], list(self._routes))
        handler = methods.get(scope["method"])
        if handler is None:
            raise NoSuchMethod(scope["method"], scope["path"], list(methods))
        return handler

    def close(self) -> None:
        """Ask what shadows are still to be asked, within a limit."""
        self.mirrors.close()

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_json(scope)
        body = await self.bodies.read(scope, receive)
        with self.mirrors.gate:
            traffic, asked = self._read(body)
            parts = await answer(
                traffic,
                asked,
                lambda failure: self._log_failure(traffic, asked, failure),
                is_discreet=not self.log.columns.keeps_all,
            )
            at = self.log.clock.now()
            ids = self._log_answers(traffic, asked, parts, at)
            await reply(send, 200, self._encode(reply_of(traffic, asked, parts, ids)))
        self._mirror(traffic, asked, parts, ids, at, len(body))

    def _read(self, body: bytes | bytearray) -> tuple[Traffic, Asked]:
        value = decode_json(body)
        if self.deployment.refusal is not None:
            raise self.deployment.refusal
        # Read once: what this request began with, it ends with.
        traffic = self.deployment.traffic
        asked, problems = traffic.reader.read(value)
        if asked is None:
            raise SignatureMismatch(traffic.live.ref, problems)
        return traffic, asked

    def _log_answers(
        self, traffic: Traffic, asked: Asked, parts: list[Part], at: datetime
    ) -> list[PredictionId]:
        """The id of each row's answer, in the order of the rows; each is in the log."""
        ids = [PredictionId("")] * asked.request.height
        for part in parts:
            # Its rows count for the arm that failed on them, whoever answered.
            instead_of = part.failed.version.ref if part.failed else ""
            rollout = traffic.rollout if instead_of or part.version is not traffic.live else ""
            for row, given in zip(part.rows, part.answers, strict=True):
                ids[row] = self.log.add(
                    part.version.ref,
                    asked.request.row(row),
                    given.prediction,
                    given.probabilities,
                    at=at,
                    latency_us=part.latency_us,
                    entity=asked.entity(row),
                    carried=asked.carries(row),
                    rollout=rollout,
                    instead_of=instead_of,
                    run_us=part.run_us,
                )
        return ids

    def _log_failure(self, traffic: Traffic, asked: Asked, failure: Failure) -> None:
        at = self.log.clock.now()
        rollout = "" if failure.version is traffic.live else traffic.rollout
        # What is told of a failure must not hide it; a log that cannot be written says so at the next answer.
        with contextlib.suppress(LogUnavailable):
            for row in failure.rows:
                self.log.add(
                    failure.version.ref,
                    asked.request.row(row),
                    None,
                    None,
                    at=at,
                    latency_us=failure.latency_us,
                    entity=asked.entity(row),
                    carried=asked.carries(row),
                    error=failure.code,
                    rollout=rollout,
                )

    def _mirror(
        self,
        traffic: Traffic,
        asked: Asked,
        parts: list[Part],
        ids: list[PredictionId],
        at: datetime,
        size_bytes: int,
    ) -> None:
        """Have the rows asked of every other version too; they have been answered by now."""
        # What is on now, not when this request began: a mirror that has ended is not begun again for it.
        versions = self.deployment.traffic.mirrors
        self.mirrors.follow(versions)
        for version in versions:
            for part in parts:
                if part.version.ref != version.ref:
                    of = [ids[row] for row in part.rows]
                    request = only(asked.request, part.rows)
                    job = Job(request, of, at, traffic.rollout, size_bytes)
                    if part.failed and part.failed.version.ref == version.ref:
                        failed = part.failed
                        job = msgspec.structs.replace(job, failed=failed.code, failed_us=failed.latency_us)
                    self.mirrors.offer(version, job)

    async def _feedback(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_json(scope)
        body = decode_json(await self.bodies.read(scope, receive))
        check_feedback(body)
        # Finding the prediction reads a segment from disk: other requests go on meanwhile.
        record = await asyncio.to_thread(
            give_feedback,
            self.log,
            body["id"],
            body["value"],
            by=body.get("by", ""),
            note=body.get("note", ""),
        )
        taken = {"id": record.id, "value": record.value, "at": to_text(record.at)}
        await reply(send, 200, self._encode(taken))

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  one shape for all
        health = health_of(self.deployment, self.log, self.mirrors, is_draining=self.is_draining())
        health["started_at"] = to_text(self.started_at)
        await reply(send, 200 if health["status"] == "ok" else 503, self._encode(health))

    async def _openapi(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await reply(send, 200, self._encode(openapi_of(self.deployment.traffic)))

    async def _docs(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        page, headers = docs_page()
        await reply(send, 200, page, headers)

    async def _to_docs(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await reply(send, 307, b"", [*JSON_HEADERS, (b"location", b"/docs")])


def check_feedback(body: Any) -> None:
    """The form of a feedback body; what its value may be, depends on the prediction.

    Raises:
        FeedbackMismatch: a field is missing, extra or mistyped.
    """
    if not isinstance(body, dict):
        raise FeedbackMismatch("", "an object such as {'id': …, 'value': …}", shown(body))
    for name in body:
        if name not in FEEDBACK_FIELDS:
            raise FeedbackMismatch(
                shorten(name), "only 'id', 'value', 'by' and 'note'", "not a field of feedback"
            )
    for name in ("id", "value"):
        if name not in body:
            raise FeedbackMismatch(name, "text" if name == "id" else "what it should have been", "missing")
    if not isinstance(body["id"], str):
        raise FeedbackMismatch("id", "text", shown(body["id"]))
