"""A request of MLflow's client, from the door to the answer: found, permitted, decoded, done, told."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ropeway.server.auth import Visitor
from ropeway.server.errors import SignInRequired
from ropeway.server.mlflow import artifacts, checks, messages
from ropeway.server.mlflow.files import Exchange
from ropeway.server.mlflow.parts import is_granted
from ropeway.server.mlflow.routes import ARTIFACTS, SERVER_INFO, Endpoint, find
from ropeway.server.mlflow.runs import admit, log_batch, log_metric, only_points
from ropeway.serving.bodies import Bodies
from ropeway.serving.door import Receive, Scope, Send, check_json, header, reply
from ropeway.tracking.afar.intake import Intake
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.errors import PermissionDenied

INFO = {
    # What MLflow calls a server with a database behind it.
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "multipart_downloads_enabled": False,
    "presigned_upload_run_id_supported": False,
    "presigned_upload_model_id_supported": False,
    "features_enabled": {"gateway": False},
}
AT_ONCE_BYTES = 4 * 1024
"""A body of points up to this size is read in the event loop, which takes less than to hand it over."""
_ENCODE = msgspec.json.Encoder().encode
NOTHING = b"{}"


def permitted(workspace: LocalWorkspace, visitor: Visitor, scope: Scope) -> tuple[Endpoint, dict[str, str]]:
    """The route that is asked for, once its asker may use it.

    Raises:
        SignInRequired: nobody knows the asker, and it is no part of an upload that somebody began.
        NotOffered: it is not here.
        PermissionDenied: the caller may not.
    """
    if is_granted(workspace, scope):
        return find(scope["method"], scope["path"])
    if visitor.is_stranger:
        raise SignInRequired
    caller = visitor.caller
    endpoint, names = find(scope["method"], scope["path"])
    if not caller.may(endpoint.permission):
        raise PermissionDenied(endpoint.name, endpoint.permission)
    return endpoint, names


def brings_points(endpoint: Endpoint) -> bool:
    """Whether a request may bring points, which are taken at once and recorded a moment later."""
    return endpoint.handler in (log_metric, log_batch)


async def answer_points(
    acting: Callable[[], LocalWorkspace],
    endpoint: Endpoint,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    bodies: Bodies,
    intake: Intake,
) -> None:
    """Take what a permitted request brings; most go without the workspace of their sender (`acting`)."""
    check_json(scope)
    body = await bodies.read(scope, receive)
    # By far the most frequent request: what is small enough is done at once, in the event loop.
    told = None if len(body) > AT_ONCE_BYTES else _taken(endpoint, body, intake)
    if told is None:
        told = await _logged(acting(), endpoint, scope, body, intake)
    await reply(send, 200, told)


async def answer(
    workspace: LocalWorkspace,
    found: tuple[Endpoint, dict[str, str]],
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    bodies: Bodies,
    object_bytes: int,
) -> None:
    """Do what a permitted request asks for, of those that bring no points."""
    endpoint, names = found
    if endpoint.carries is not None:
        await endpoint.carries(Exchange(workspace, names, scope, receive, send, bodies, object_bytes))
        return
    if scope["method"] in ("GET", "HEAD"):
        body: bytes | bytearray = b""
    else:
        if endpoint.method != "DELETE" or header(scope, b"content-type"):
            check_json(scope)
        body = await bodies.read(scope, receive)
    told = await asyncio.to_thread(_told, workspace, endpoint, names, scope, body)
    await reply(send, 200, told)


async def _logged(
    workspace: LocalWorkspace, endpoint: Endpoint, scope: Scope, body: bytes | bytearray, intake: Intake
) -> bytes:
    """What brings points alone is taken; the rest goes the way of every request."""
    told = await asyncio.to_thread(_taken, endpoint, body, intake, looks=True)
    if told is None:
        told = await asyncio.to_thread(_told, workspace, endpoint, {}, scope, body)
    return told


def _taken(
    endpoint: Endpoint, body: bytes | bytearray, intake: Intake, *, looks: bool = False
) -> bytes | None:
    """The answer to points that were taken; `looks`: at a run that is not known to be writable, too."""
    if endpoint.handler is log_batch:
        checks.check_batch(len(body), 0, 0, 0)
    message = messages.from_body(endpoint.message, body)
    assert isinstance(message, messages.LogMetric | messages.LogBatch)
    points = only_points(message)
    if points is None:
        return None
    if not intake.take(message.run, points):
        if not looks:
            return None
        admit(intake, message.run)
        if not intake.take(message.run, points):
            return None
    return NOTHING


def _told(
    workspace: LocalWorkspace,
    endpoint: Endpoint,
    names: dict[str, str],
    scope: Scope,
    body: bytes | bytearray,
) -> bytes:
    if endpoint.path == SERVER_INFO:
        # Parts wait in a folder: where several machines serve, the next one may come to another.
        is_one_machine = isinstance(workspace.ledger.place, Path)
        return _ENCODE({**INFO, "multipart_uploads_enabled": is_one_machine})
    if scope["method"] in ("GET", "HEAD"):
        message = messages.from_query(endpoint.message, scope["query_string"])
    else:
        message = messages.from_body(endpoint.message, body)
    if endpoint.path == ARTIFACTS:
        assert isinstance(message, messages.ListArtifacts)
        return _ENCODE(artifacts.listing(workspace, message.path))
    assert endpoint.handler is not None
    result: dict[str, Any] = endpoint.handler(workspace, message, **names)
    return _ENCODE(result)
