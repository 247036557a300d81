"""An operation, defined once: a typed function with a permission.

From this one definition come the local call, the HTTP route, its OpenAPI entry and the permission that guards
it. An operation without a permission cannot be declared.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Concatenate, Generic, Literal, ParamSpec, Protocol, Self, TypeVar

import msgspec

from ropeway.core.clock import Clock
from ropeway.store import Store
from ropeway.workspace.context import Context
from ropeway.workspace.errors import BadArguments
from ropeway.workspace.project import Project

Limit = Annotated[int, msgspec.Meta(ge=0)]
"""How many at the most. A negative number is no limit to one database, and a mistake to the other."""
Kind = Literal["query", "command", "stream", "job"]
"""query: reads a snapshot. command: one write transaction. stream: items from a cursor on.
job: long work; run at once by a local caller, given an id by a server."""

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Workspace(Protocol):
    """Where operations run. Bytes go through `store`, never through an operation."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        ...

    @property
    def home(self) -> Path:
        """The workspace's own folder, `.ropeway`."""
        ...

    @property
    def project(self) -> Project:
        """The project file, as it stands now."""
        ...

    @property
    def store(self) -> Store:
        """The objects."""
        ...

    @property
    def clock(self) -> Clock:
        """Where times come from."""
        ...

    @property
    def opens_addresses(self) -> bool:
        """Whether what data refers to is opened here: never for a guest, who may have named it."""
        ...

    @property
    def actor_name(self) -> str:
        """The name under which this caller acts."""
        ...

    def perform(
        self, operation: "Operation[..., R]", arguments: Mapping[str, Any], key: str | None = None
    ) -> R:
        """Run an operation.

        Args:
            operation: which.
            arguments: by name; checked against the operation's signature.
            key: an idempotency key: a command repeated with the same key and arguments gives the first answer
                and does nothing more.
        """
        ...


class OpenWorkspace(Workspace, Protocol):
    """A workspace that whoever opened it closes: a context manager."""

    def close(self) -> None:
        """Let go of what it holds."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Operation(Generic[P, R_co]):
    """A function that the workspace can run, callable as `operation(workspace, **arguments)`.

    Attributes:
        runs_code: whether it runs the project's own code, which a server does only where it may execute.
        at_caller: for a job that runs code: the same work done in the caller's process, which a caller from
            afar does instead of asking the server for it.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        permission: str,
        function: Callable[Concatenate[Context, P], R_co],
        *,
        runs_code: bool = False,
    ) -> None:
        self.name = name
        self.kind: Kind = kind
        self.permission = permission
        self.function = function
        self.runs_code = runs_code
        self.at_caller: Callable[..., Any] | None = None
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__

    def __call__(self, workspace: Workspace, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it in a workspace. All arguments are by name."""
        assert not args, f"{self.name}: arguments are passed by name"
        return workspace.perform(self, kwargs)

    def keyed(self, workspace: Workspace, key: str, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run it under an idempotency key, so that repeating the call does nothing more."""
        assert not args, f"{self.name}: arguments are passed by name"
        return workspace.perform(self, kwargs, key)

    @cached_property
    def arguments(self) -> type[msgspec.Struct]:
        """The signature as a struct: unknown names and wrong types are refused."""
        hints = typing.get_type_hints(self.function, include_extras=True)
        fields: list[Any] = []
        for parameter in list(inspect.signature(self.function).parameters.values())[1:]:
            assert parameter.kind is parameter.KEYWORD_ONLY, (
                f"{self.name}: '{parameter.name}' must be keyword-only"
            )
            if parameter.default is parameter.empty:
                fields.append((parameter.name, hints[parameter.name]))
            else:
                default: Any = parameter.default
                if isinstance(default, (list, dict, set)):
                    default = msgspec.field(default_factory=default.copy)
                fields.append((parameter.name, hints[parameter.name], default))
        return msgspec.defstruct(
            "".join(part.title() for part in self.name.replace(".", "_").replace("-", "_").split("_")),
            fields,
            kw_only=True,
            forbid_unknown_fields=True,
        )

    @cached_property
    def result(self) -> Any:
        """The type of what it gives."""
        return typing.get_type_hints(self.function, include_extras=True)["return"]

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in their types.

        Raises:
            BadArguments: a name is unknown or missing, or a value has another type.
        """
        try:
            checked = msgspec.convert(msgspec.to_builtins(dict(arguments)), self.arguments)
        except (msgspec.ValidationError, TypeError) as error:
            reason = str(error).replace("Object contains", "it has").replace("Object missing", "it lacks")
            raise BadArguments(self.name, reason, self.arguments.__struct_fields__) from error
        return {name: getattr(checked, name) for name in checked.__struct_fields__}


OPERATIONS: dict[str, Operation[..., Any]] = {}
"""Every operation by its name, once its room is loaded (`rooms.load`)."""


def operation(
    name: str, *, kind: Kind, permission: str, runs_code: bool = False
) -> Callable[[Callable[Concatenate[Context, P], R]], Operation[P, R]]:
    """Declare an operation.

    Args:
        name: `room.verb`, stable for ever: the API's path and the audit's verb.
        kind: query, command, stream or job.
        permission: who may call it, such as `data:write`.
        runs_code: whether it runs the project's own code.

    Example:
        >>> @operation("data.count", kind="query", permission="data:read")
        ... def count(context: Context, *, name: str) -> int:
        ...     return 0
    """
    assert permission, f"operation {name} declares no permission"

    def register(function: Callable[Concatenate[Context, P], R]) -> Operation[P, R]:
        known = OPERATIONS.get(name)
        assert known is None or known.__module__ == function.__module__, f"operation {name} is declared twice"
        made = Operation(name, kind, permission, function, runs_code=runs_code)
        OPERATIONS[name] = made
        return made

    return register
