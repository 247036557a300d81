"""The service itself, as a bare ASGI application: /predict, /feedback, /health, /openapi.json and /docs.

No framework stands between a request and the model: at some 800 µs a prediction that would be a visible tax.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from ropeway.core.clock import to_text
from ropeway.core.errors import RopewayError
from ropeway.serving.answer import Answer, ask
from ropeway.serving.deploy import Deployment, Live
from ropeway.serving.door import (
    BODY_BYTES,
    JSON_HEADERS,
    Receive,
    Scope,
    Send,
    check_caller,
    check_json,
    decode_json,
    read_body,
    reply,
    reply_error,
)
from ropeway.serving.errors import FeedbackMismatch, Internal, NoSuchMethod, SignatureMismatch, UnknownPath
from ropeway.serving.feedback import give_feedback
from ropeway.serving.log import PredictionLog
from ropeway.serving.openapi import docs_page, openapi_of
from ropeway.serving.signature import Request, shorten, shown

logger = logging.getLogger("ropeway.serving")

FEEDBACK_FIELDS = ("id", "value", "by", "note")

Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


class PredictionApp:
    """Answers with whatever version the deployment holds, and logs each answer before it leaves.

    Args:
        deployment: which version answers.
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
        self.body_bytes = body_bytes
        self.started_at = log.clock.now()
        # One thread, not the event loop: with TF-IDF and logistic regression (650 µs a row in process, on 2
        # cores) 990 against 1,040 requests/s at 1 connection, 1,210 against 1,180 at 16 with a p99 of 22
        # against 27 ms; and a slow model never holds up /health. One: users' code need not be safe in two.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ropeway-predict")
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
            await reply_error(scope, receive, send, error)
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
        """Let go of the thread that predicts."""
        self._pool.shutdown()

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_json(scope)
        body = decode_json(await read_body(scope, receive, self.body_bytes))
        if self.deployment.refusal is not None:
            raise self.deployment.refusal
        live = self.deployment.live
        request, problems = live.signature.read(body)
        if request is None:
            raise SignatureMismatch(live.ref, problems)
        begun = time.perf_counter_ns()
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(
            self._pool, ask, live.servable, request, not self.log.columns.keeps_all
        )
        latency_us = (time.perf_counter_ns() - begun) // 1000
        await reply(send, 200, self._encode(self._logged(live, request, answers, latency_us)))

    def _logged(self, live: Live, request: Request, answers: list[Answer], latency_us: int) -> dict[str, Any]:
        """The reply's content; every answer in it is in the log, with the id that it carries."""
        at = self.log.clock.now()
        said: list[dict[str, Any]] = []
        for index, answer in enumerate(answers):
            entry: dict[str, Any] = {
                "id": self.log.add(
                    live.ref,
                    request.row(index),
                    answer.prediction,
                    answer.probabilities,
                    at=at,
                    latency_us=latency_us,
                )
            }
            if not request.is_batch:
                entry["model"] = live.ref
            entry["prediction"] = answer.prediction
            if answer.probabilities is not None:
                entry["probabilities"] = answer.probabilities
            said.append(entry)
        return {"model": live.ref, "predictions": said} if request.is_batch else said[0]

    async def _feedback(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_json(scope)
        body = decode_json(await read_body(scope, receive, self.body_bytes))
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
        live, trouble = self.deployment.live, self.deployment.trouble
        status = "draining" if self.is_draining() else "recalled" if self.deployment.refusal else "ok"
        health = {
            "status": status,
            "model": live.ref,
            "since": to_text(live.since),
            "state": self.deployment.state,
            "checked_at": to_text(self.deployment.checked_at),
            "trouble": trouble,
            "started_at": to_text(self.started_at),
            "replica": self.log.replica,
            "predictions": self.log.prediction_count,
            "feedback": self.log.feedback_count,
        }
        await reply(send, 200 if status == "ok" else 503, self._encode(health))

    async def _openapi(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await reply(send, 200, self._encode(openapi_of(self.deployment.live)))

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
