"""What the server refuses beside what operations refuse.

NotFound ├── UnknownJob └── UnknownObject     Unavailable └── TooManyStreams
Invalid  ├── BadKey ├── BadQuery └── OtherObject     Conflict └── NoMembers
Refused  ├── ExecuteNotAllowed  ├── SignInRequired ├── TokenRefused ├── SessionOver (401)
         ├── TooManyAttempts (429)            └── CookieRefused
Failed   └── UndeclaredPermission (stops the start)
"""

from collections.abc import Iterable

from ropeway.core.errors import Conflict, Failed, Invalid, NotFound, Refused, Unavailable


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


class OtherObject(Invalid):
    """An object that was named for a folder's listing is something else."""

    code = "other-object"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The object {digest[:10]}… is no folder's listing.",
            expected="the digest of one, such as a package's",
            digest=digest,
        )


class ExecuteNotAllowed(Refused):
    """A job that runs the project's code, on a server that runs none of it."""

    code = "execute-not-allowed"

    def __init__(self, operation: str) -> None:
        super().__init__(
            f"'{operation}' runs the project's code, and this server runs none.",
            expected="a server that may execute",
            next_step="ropeway server --allow-execute; for the gate: ropeway gate MODEL --workspace URL",
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


_CHALLENGE = (b"www-authenticate", b'Bearer realm="ropeway"')


class SignInRequired(Refused):
    """A request without a token, to a server whose project has members."""

    code = "sign-in-required"
    http_status = 401

    def __init__(self) -> None:
        self.headers = [_CHALLENGE]
        super().__init__(
            "This server answers members only, and the request does not say whose it is.",
            expected="the header Authorization: Bearer rw_…",
            next_step="ropeway token issue   in the project's folder, or ask an admin of the project for one",
        )


class TokenRefused(Refused):
    """A token that opens nothing here: unknown, over, revoked, or of somebody who is no member any more."""

    code = "token-refused"
    http_status = 401

    def __init__(self) -> None:
        self.headers = [_CHALLENGE]
        super().__init__(
            "The token opens nothing here: it is unknown, over or revoked.",
            expected="a token of this project that is live",
            next_step="ropeway token list   says which are; ropeway token issue   makes another",
        )


class SessionOver(Refused):
    """The session of a browser is over, or its token is revoked."""

    code = "session-over"
    http_status = 401

    def __init__(self, cleared: tuple[bytes, bytes]) -> None:
        self.headers = [_CHALLENGE, cleared]
        super().__init__("The session is over.", expected="a session that is live", next_step="sign in again")


class TooManyAttempts(Refused):
    """Wrong tokens from one address, more than a mistake explains."""

    code = "too-many-attempts"
    http_status = 429

    def __init__(self, wait_s: int) -> None:
        self.headers = [(b"retry-after", b"%d" % wait_s)]
        super().__init__(
            "Too many wrong tokens came from this address.",
            expected=f"none for {wait_s} s",
            next_step="wait, and look at the token: ropeway token list",
            wait_s=wait_s,
        )


class CookieRefused(Refused):
    """A browser's session that is to change something, for a page that the browser does not name."""

    code = "cookie-refused"

    def __init__(self) -> None:
        super().__init__(
            "A session may change something only from this service's own pages.",
            expected="the header Origin or Sec-Fetch-Site, as browsers send them; programs send a token",
        )


class NoMembers(Conflict):
    """A wish to sign in to a project that has no members."""

    code = "no-members"

    def __init__(self) -> None:
        super().__init__(
            "This project has no members, so that nobody needs to sign in.",
            next_step="ropeway member add NAME --role admin   makes the first",
        )
