"""What the server refuses beside what operations refuse.

NotFound ├── UnknownJob └── UnknownObject     Refused └── ExecuteNotAllowed
Invalid  ├── BadKey └── BadQuery              Unavailable └── TooManyStreams
Failed   └── UndeclaredPermission (stops the start)
"""

from collections.abc import Iterable

from ropeway.core.errors import Failed, Invalid, NotFound, Refused, Unavailable


class UndeclaredPermission(Failed):
    """A route that nobody said who may use. The server does not start with one."""

    code = "undeclared-permission"

    def __init__(self, route: str, permission: str) -> None:
        super().__init__(
            f"The route '{route}' declares no permission ('{permission}'), so the server does not start.",
            expected="a permission such as 'data:read'",
            next_step="declare it where the operation is defined",
            route=route,
        )


class UnknownJob(NotFound):
    """No job has that id."""

    code = "unknown-job"

    def __init__(self, job: str, known: Iterable[str] = ()) -> None:
        super().__init__("job", job, known)


class UnknownObject(NotFound):
    """The store has no object with that digest."""

    code = "unknown-object"

    def __init__(self, digest: str) -> None:
        super().__init__("object", digest)


class ExecuteNotAllowed(Refused):
    """A job that runs the project's code, on a server that runs none of it."""

    code = "execute-not-allowed"

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"'{operation}' runs the project's code, and this server runs none.",
            expected="a server that may execute",
            next_step="run it through ropeway --workspace URL, or start the server with --allow-execute",
            operation=operation,
        )


class BadKey(Invalid):
    """An idempotency key of a form that cannot be one."""

    code = "bad-idempotency-key"

    def __init__(self) -> None:
        super().__init__(
            "The Idempotency-Key cannot be used.", expected="1 to 200 visible ASCII characters, on a command"
        )


class BadQuery(Invalid):
    """A query string whose values are not of the operation's types."""

    code = "bad-query"

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(
            f"'{operation}' cannot be asked so: {reason}.",
            expected="its arguments as name=value",
            operation=operation,
        )


class TooManyStreams(Unavailable):
    """More streams at once than the server follows."""

    code = "too-many-streams"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} streams are open already.", expected="fewer", next_step="close one, try again"
        )
