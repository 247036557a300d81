"""The table of routes: every operation, and the few paths that are none. Each says who may use it."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ropeway.members.roles import DESCRIBE, HEALTH
from ropeway.server.errors import UndeclaredPermission
from ropeway.workspace import Operation

API = "/api/v1/"
OBJECTS = f"{API}objects"
JOBS = f"{API}jobs"
ME = f"{API}me"
SIGN_IN = f"{API}session"

_PERMISSION = re.compile(r"[a-z][a-z-]*:[a-z][a-z-]*")


class Route(msgspec.Struct, frozen=True):
    """A path, its methods, who may use it; `operation` where it is one."""

    path: str
    methods: tuple[str, ...]
    permission: str
    operation: Operation[..., Any] | None = None


FIXED = (
    Route(OBJECTS, ("PUT",), "objects:write"),
    Route(f"{OBJECTS}/{{digest}}", ("GET", "HEAD"), "objects:read"),
    Route(f"{JOBS}/{{job}}", ("GET", "HEAD"), "jobs:read"),
    Route(ME, ("GET", "HEAD"), DESCRIBE),
    Route(SIGN_IN, ("POST", "DELETE"), DESCRIBE),
    Route("/openapi.json", ("GET", "HEAD"), DESCRIBE),
    Route("/docs", ("GET", "HEAD"), DESCRIBE),
    Route("/health", ("GET", "HEAD"), HEALTH),
    Route("/version", ("GET", "HEAD"), DESCRIBE),
    Route("/v1/traces", ("POST",), "runs:write"),
)

_METHODS = {
    "query": ("GET", "HEAD", "POST"),
    "command": ("POST",),
    "stream": ("GET", "POST"),
    "job": ("POST",),
}


def make_routes(operations: Iterable[Operation[..., Any]]) -> dict[str, Route]:
    """The routes by path.

    Raises:
        UndeclaredPermission: one of them does not say who may use it.
    """
    made = [
        Route(f"{API}{each.name}", _METHODS[each.kind], each.permission, each)
        for each in sorted(operations, key=lambda operation: operation.name)
    ]
    for route in (*FIXED, *made):
        if not _PERMISSION.fullmatch(route.permission or ""):
            raise UndeclaredPermission(route.path, route.permission)
    return {route.path: route for route in (*FIXED, *made)}
