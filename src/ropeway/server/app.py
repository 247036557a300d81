"""The server as an ASGI application: a request becomes a call of an operation, its answer a response.

Who asks is recognized first (`auth`), and must have the route's permission before anything of the request is
read. The operation is then checked, permitted and run by the workspace as that person, exactly as a local
call is; this module only translates. Operations are synchronous and run in threads; the ledger's write lock
puts commands in order.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, get_origin
from urllib.parse import parse_qs, unquote

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.errors import Damaged, RopewayError
from ropeway.core.ids import Digest
from ropeway.members.roles import HEALTH
from ropeway.server.auth import Gatekeeper, Visitor
from ropeway.server.errors import (
    BadKey,
    BadQuery,
    ExecuteNotAllowed,
    OtherObject,
    SignInRequired,
    TooManyStreams,
    UnknownObject,
)
from ropeway.server.jobs import JobRunner
from ropeway.server.mlflow import errors as mlflow_errors
from ropeway.server.mlflow import face as mlflow_face
from ropeway.server.mlflow import otlp
from ropeway.server.mlflow import routes as mlflow_routes
from ropeway.server.objects import OBJECT_BYTES, give_object, take_object
from ropeway.server.openapi import describe
from ropeway.server.operations import get_job
from ropeway.server.routes import API, JOBS, ME, OBJECTS, SIGN_IN, Route, make_routes
from ropeway.server.session import give_me, sign_in, sign_out
from ropeway.server.stream import CURSOR, events
from ropeway.serving.bodies import Bodies
from ropeway.serving.discretion import discreet
from ropeway.serving.door import (
    BODY_BYTES,
    SAFETY_HEADERS,
    Receive,
    Scope,
    Send,
    check_caller,
    check_json,
    decode_json,
    error_body,
    header,
    reply,
    reply_error,
)
from ropeway.serving.errors import Internal, MalformedRequest, NoSuchMethod, UnknownPath
from ropeway.serving.openapi import docs_page
from ropeway.store.errors import NotATree, ObjectNotBrought
from ropeway.tracking.afar.intake import Intake
from ropeway.workspace import LocalWorkspace, Operation
from ropeway.workspace.connection import ACTOR, MSGPACK, PROJECT
from ropeway.workspace.errors import OtherProject, PermissionDenied, UnknownOperation

logger = logging.getLogger("ropeway.server")

MAX_KEY_LENGTH = 200
MAX_QUERY_FIELDS = 100
MAX_STREAMS = 64
MAX_NAME_LENGTH = 200
MAX_ARGUMENT_BYTES = 8 * BODY_BYTES
"""The default limit of an operation's arguments: a run may end with thousands of metrics."""
MLFLOW_VERSION = b"3.17.2"
"""To MLflow's client: whose API this is held to. From 3.4 on it sends spans over OTLP."""
TEXT_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), *SAFETY_HEADERS]
AT_ONCE_BYTES = 16 * 1024
"""Arguments up to this size are read in the event loop, in about a millisecond."""


class ServerApp:
    """Every operation over HTTP.

    Args:
        workspace: where operations run.
        operations: those to mount.
        allow_execute: whether jobs that run the project's own code may be run.
        is_draining: whether the server is on its way out.
        body_bytes: the limit of a JSON body.
        object_bytes: the limit of an object.
        answers_to: whether a host name is one of this server; loopback when absent.

    Raises:
        UndeclaredPermission: a route does not say who may use it.
    """

    def __init__(
        self,
        workspace: LocalWorkspace,
        operations: Iterable[Operation[..., Any]],
        *,
        allow_execute: bool = False,
        is_draining: Callable[[], bool] = lambda: False,
        body_bytes: int = MAX_ARGUMENT_BYTES,
        object_bytes: int = OBJECT_BYTES,
        answers_to: Callable[[str], bool] | None = None,
    ) -> None:
        self.workspace = workspace.for_guest(workspace.actor_name)
        self.routes = make_routes(operations)
        self.allow_execute = allow_execute
        self.is_draining = is_draining
        self.bodies = Bodies(body_bytes)
        self.object_bytes = object_bytes
        self.answers_to = answers_to
        asked_for = {route.permission for route in self.routes.values()} | mlflow_routes.PERMISSIONS
        self.gate = Gatekeeper(self.workspace, asked_for)
        self.jobs = JobRunner(self.workspace)
        self.intake = Intake(self.workspace)
        self._streams = threading.Semaphore(MAX_STREAMS)
        self._name = workspace.project.project.name
        title = f"{self._name} · Ropeway"
        self._description = msgspec.json.encode(describe(self.routes.values(), title, version("ropeway")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from the door to the answer."""
        assert scope["type"] == "http", "served without lifespan and websockets"
        has_begun = False
        visitor: Visitor | None = None

        async def watched(message: Any) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            check_caller(scope["headers"], self.answers_to)
            visitor = await self.gate.recognize(scope)
            await self._answer(visitor, scope, receive, watched)
        except ConnectionAbortedError:
            return
        except RopewayError as error:
            if has_begun:
                raise
            self.gate.tell(scope, error, "" if visitor is None else visitor.caller.name)
            await self._refuse(scope, receive, send, discreet(error, self.workspace.root))
        except Exception:
            # The request edge. Once an answer has begun, only cutting it off tells the caller the truth.
            if has_begun:
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            await self._refuse(scope, receive, send, Internal())

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: RopewayError) -> None:
        """Send an error, in the words that the asker knows."""
        if mlflow_routes.is_mlflow(scope["path"]):
            body, status = mlflow_errors.body_of(error), mlflow_errors.status_of(error)
            await reply_error(scope, receive, send, error, body=body, status=status)
        elif scope["path"] == otlp.PATH:
            body, status, media = otlp.refusal(scope, error)
            await reply_error(scope, receive, send, error, body=body, status=status, media=media)
        else:
            await reply_error(scope, receive, send, error)

    def close(self) -> None:
        """Give up the jobs that still run; record the points that wait."""
        self.jobs.close()
        self.intake.close()
        self.gate.close()

    async def _answer(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        if mlflow_routes.is_mlflow(scope["path"]):
            await self._answer_mlflow(visitor, scope, receive, send)
            return
        route, name = self._permitted(visitor, scope)
        self._check_project(scope)
        workspace = self._workspace_for(visitor, scope)
        if route.operation is not None:
            await self._settle()
            is_change = route.operation.kind not in ("query", "stream")
            with self._unbelieving(send, when=is_change) as told:
                await self._operate(workspace, route.operation, scope, receive, told)
        elif route.path == OBJECTS:
            kept = await take_object(workspace, scope, receive, self.object_bytes)
            await reply(send, 200, msgspec.json.encode(kept))
        elif route.path.startswith(OBJECTS):
            await give_object(workspace, name, scope, send)
        elif route.path.startswith(JOBS):
            job = await asyncio.to_thread(workspace.perform, get_job, {"job": name})
            await reply(send, 200, msgspec.json.encode(job))
        elif route.path == ME:
            await give_me(visitor, send)
        elif route.path == SIGN_IN and scope["method"] == "POST":
            await sign_in(workspace, visitor, scope, send)
        elif route.path == SIGN_IN:
            await sign_out(workspace, scope, send)
        elif route.path == otlp.PATH:
            await otlp.export(workspace, scope, receive, send, self.bodies)
        else:
            await self._describe(route, send)

    async def _describe(self, route: Route, send: Send) -> None:
        """What the server says of itself."""
        if route.path == "/openapi.json":
            await reply(send, 200, self._description)
        elif route.path == mlflow_routes.VERSION:
            await reply(send, 200, MLFLOW_VERSION, TEXT_HEADERS)
        elif route.path == "/docs":
            page, headers = docs_page()
            await reply(send, 200, page, headers)
        else:
            await reply(send, 200, b'{"status":"ok"}')

    async def _answer_mlflow(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._permitted_mlflow(visitor, scope)
        acting = partial(self._workspace_for, visitor, scope)
        if mlflow_face.brings_points(found[0]):
            await mlflow_face.answer_points(
                acting, found[0], scope, receive, send, bodies=self.bodies, intake=self.intake
            )
            return
        await self._settle()
        with self._unbelieving(send, when=scope["method"] != "GET") as told:
            await mlflow_face.answer(
                acting(), found, scope, receive, told, bodies=self.bodies, object_bytes=self.object_bytes
            )

    @contextlib.contextmanager
    def _unbelieving(self, send: Send, *, when: bool) -> Iterator[Send]:
        """While a command is answered: it may have deleted a run, which then takes no more points."""
        if not when:
            yield send
            return

        async def told(message: Any) -> None:
            # First: who has its answer may send a point at once.
            self.intake.forget()
            await send(message)

        try:
            yield told
        finally:
            self.intake.forget()

    async def _settle(self) -> None:
        """Let what is asked next see every point that was taken."""
        if self.intake.is_waiting:
            await asyncio.to_thread(self.intake.settle)

    def _permitted_mlflow(
        self, visitor: Visitor, scope: Scope
    ) -> tuple[mlflow_routes.Endpoint, dict[str, str]]:
        """As `_permitted`, of a route of MLflow's."""
        return mlflow_face.permitted(self.workspace, visitor, scope)

    def _permitted(self, visitor: Visitor, scope: Scope) -> tuple[Route, str]:
        """The route that is asked for, once its asker may use it."""
        path = scope["path"]
        if visitor.is_stranger:
            known = self.routes.get(path)
            # The same answer for every path: nothing is told of what there is.
            if known is None or known.permission != HEALTH:
                raise SignInRequired
        route, name = self._find(path)
        if scope["method"] not in route.methods:
            raise NoSuchMethod(scope["method"], path[:80], route.methods)
        if not visitor.caller.may(route.permission):
            raise PermissionDenied(route.path.removeprefix(API), route.permission)
        return route, name

    def _find(self, path: str) -> tuple[Route, str]:
        """The route of a path, and the last part of it where that is a name."""
        route = self.routes.get(path)
        if route is not None and "{" not in path:
            return route, ""
        for folder, inner in ((OBJECTS, "{digest}"), (JOBS, "{job}")):
            head, slash, name = path.rpartition("/")
            if slash and head == folder and name:
                return self.routes[f"{folder}/{inner}"], name
        operations = [known for known in self.routes if self.routes[known].operation is not None]
        if path.startswith(API):
            name = path.removeprefix(API)[:80]
            raise UnknownOperation(name, [known.removeprefix(API) for known in operations])
        raise UnknownPath(path[:80], [known for known in self.routes if known not in operations])

    def _check_project(self, scope: Scope) -> None:
        """Refuse a caller whose folder is another project's, before anything is written to the wrong one."""
        theirs = _named(scope, PROJECT)
        if theirs and theirs != self._name:
            raise OtherProject(theirs, self._name)

    def _workspace_for(self, visitor: Visitor, scope: Scope) -> LocalWorkspace:
        """As this caller; where nobody is asked who they are, a name may be given, as by `--as`."""
        name = _named(scope, ACTOR) if visitor.role is None else ""
        caller = msgspec.structs.replace(visitor.caller, name=name) if name else visitor.caller
        return self.workspace.acting(caller)

    async def _operate(
        self,
        workspace: LocalWorkspace,
        operation: Operation[..., Any],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        arguments = await self._arguments(operation, scope, receive)
        key = _key(operation, scope)
        if operation.kind == "stream":
            await self._stream(workspace, operation, arguments, scope, receive, send)
        elif operation.kind == "job":
            if operation.runs_code and not self.allow_execute:
                raise ExecuteNotAllowed(operation.name)
            job = await asyncio.to_thread(
                self.jobs.submit, operation, arguments, key, caller=workspace.caller
            )
            headers = [(b"content-type", b"application/json"), *SAFETY_HEADERS]
            where = (b"location", f"{JOBS}/{job}".encode())
            await reply(send, 202, msgspec.json.encode({"job": job}), [*headers, where])
        else:
            try:
                result = await asyncio.to_thread(workspace.perform, operation, arguments, key)
            except Damaged as error:
                raise _named_by_caller(error, arguments, workspace) or error from error
            await _reply_with(result, scope, send)

    async def _arguments(
        self, operation: Operation[..., Any], scope: Scope, receive: Receive
    ) -> Mapping[str, Any]:
        if scope["method"] != "POST":
            arguments = _query(operation, scope["query_string"])
            canonical(arguments)
            return arguments
        check_json(scope)
        body = await self.bodies.read(scope, receive)
        # Others are answered while a large one is read.
        return await asyncio.to_thread(_decoded, body) if len(body) > AT_ONCE_BYTES else _decoded(body)

    async def _stream(
        self,
        workspace: LocalWorkspace,
        operation: Operation[..., Any],
        arguments: Mapping[str, Any],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        from starlette.responses import StreamingResponse

        last = header(scope, b"last-event-id")
        if last:
            if not (last.isascii() and last.isdigit() and len(last) < MAX_KEY_LENGTH):
                raise MalformedRequest("its Last-Event-ID is no cursor", expected=f"the {CURSOR} of an event")
            arguments = {**arguments, "after": int(last)}
        operation.check(arguments)
        if not self._streams.acquire(blocking=False):
            raise TooManyStreams(MAX_STREAMS)
        over = asyncio.create_task(self.gate.until_over(scope, operation.permission))
        try:
            response = StreamingResponse(
                events(
                    lambda: workspace.perform(operation, arguments),
                    lambda: self.is_draining() or over.done(),
                    lambda error: error_body(discreet(error, workspace.root)),
                ),
                media_type="text/event-stream",
                headers={name.decode(): value.decode() for name, value in SAFETY_HEADERS},
            )
            await response(scope, receive, send)
        finally:
            over.cancel()
            self._streams.release()


def _named_by_caller(
    error: Damaged, arguments: Mapping[str, Any], workspace: LocalWorkspace
) -> UnknownObject | OtherObject | None:
    """What is amiss where it is no damage: the caller named an object that is not here, or no folder."""
    if isinstance(error, ObjectNotBrought):
        # It says so itself.
        return None
    digest = error.facts.get("digest")
    if digest not in arguments.values():
        return None
    if not workspace.store.has(Digest(str(digest))):
        return UnknownObject(str(digest))
    return OtherObject(str(digest)) if isinstance(error, NotATree) else None


async def _reply_with(result: Any, scope: Scope, send: Send) -> None:
    """Answer in the form that is asked for: JSON knows no NaN, so our own caller asks for MessagePack."""
    if MSGPACK in header(scope, b"accept"):
        headers = [(b"content-type", MSGPACK.encode()), *SAFETY_HEADERS]
        await reply(send, 200, await asyncio.to_thread(msgspec.msgpack.encode, result), headers)
    else:
        await reply(send, 200, await asyncio.to_thread(msgspec.json.encode, result))


def _named(scope: Scope, name: str) -> str:
    """A name in a header of ours, where every character may stand, percent-encoded; "" for none."""
    given = unquote(header(scope, name.encode()), errors="replace").strip()
    if len(given) > MAX_NAME_LENGTH or not given.isprintable():
        raise MalformedRequest(f"its {name} is no name", expected=f"at most {MAX_NAME_LENGTH} characters")
    return given


def _decoded(body: bytes | bytearray) -> Mapping[str, Any]:
    """Arguments from a body."""
    arguments = decode_json(body) if body else {}
    if not isinstance(arguments, dict):
        raise MalformedRequest("it is no JSON object", expected="the arguments by name: {…}")
    # What has no canonical form (NaN, integers that no double and no database holds) goes no further. Plain
    # text always has one: columns of points are not searched for numbers.
    canonical({name: value for name, value in arguments.items() if not _is_plain_text(value)})
    return arguments


def _is_plain_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii()


def _key(operation: Operation[..., Any], scope: Scope) -> str | None:
    key = header(scope, b"idempotency-key")
    if not key:
        return None
    is_visible = key.isascii() and key.isprintable()
    if operation.kind not in ("command", "job") or len(key) > MAX_KEY_LENGTH or not is_visible:
        raise BadKey
    return key


def _query(operation: Operation[..., Any], query: bytes) -> Mapping[str, Any]:
    """Arguments from a query string, in the operation's types; a list's items each with the same name."""
    try:
        given = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise BadQuery(operation.name, "its query string cannot be read") from error
    lists = {
        field.name
        for field in msgspec.structs.fields(operation.arguments)
        if (get_origin(field.type) or field.type) is list
    }
    single = {name: values if name in lists else values[-1] for name, values in given.items()}
    try:
        read = msgspec.convert(single, operation.arguments, strict=False)
    except msgspec.ValidationError:
        # The strict check says it in the words of a local call, or finds what is text after all.
        return single
    return {name: getattr(read, name) for name in single}
