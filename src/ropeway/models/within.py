"""A workspace for code that runs inside an operation: the same project, store and snapshot.

A job such as the gate reads through other rooms' functions, which take a workspace. This one runs their
queries in the job's own context, so that all of it sees one state of the ledger.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from ropeway.core.clock import Clock
from ropeway.store import Store
from ropeway.workspace import Context, Operation, Project, Workspace

R = TypeVar("R")


class Within:
    """The workspace as seen from one operation's context. Runs queries only."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._context.root

    @property
    def home(self) -> Path:
        """The workspace's own folder."""
        return self._context.home

    @property
    def project(self) -> Project:
        """The project file, as it stands now."""
        return self._context.project

    @property
    def store(self) -> Store:
        """The objects."""
        return self._context.store

    @property
    def clock(self) -> Clock:
        """Where times come from."""
        return self._context.clock

    @property
    def opens_addresses(self) -> bool:
        """As the operation's context."""
        return self._context.opens_addresses

    @property
    def actor_name(self) -> str:
        """The caller's name."""
        return self._context.actor_name

    def perform(
        self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str | None = None
    ) -> R:
        """Run a query in the context that this stands for."""
        assert operation.kind == "query", f"{operation.name} writes: it has no place inside another operation"
        assert key is None, "a query takes no idempotency key"
        return operation.function(self._context, **operation.check(arguments))


_conforms: type[Workspace] = Within
