"""What serving refuses, and how it says so.

Invalid       signature-mismatch · feedback-mismatch · malformed-request (400) · request-timeout (408)
              unsupported-content (415) · no-such-method (405) · misdirected-request (421)
└── TooLarge  body-too-large
NotFound      unknown-path
Conflict      signature-incompatible
Refused       auth-required · foreign-origin
Failed        prediction-failed · internal
Unavailable   port-busy · cannot-listen · log-unavailable · entity-salt-damaged · model-recalled
              answer-overdue · workspace-gone
"""

from collections.abc import Sequence
from pathlib import Path

from ropeway.core.errors import Conflict, Failed, Invalid, NotFound, Refused, TooLarge, Unavailable
from ropeway.serving.signature import Problem

MAX_PROBLEMS_SHOWN = 100
"""A reply stays small however much of a request is wrong."""


class SignatureMismatch(Invalid):
    """A request whose fields are not those of the model's signature."""

    code = "signature-mismatch"

    def __init__(self, model: str, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        # A hint ends with its own question mark.
        said = f"field '{first.field}' {first.got}{more}"
        super().__init__(
            f"The request does not fit the signature of '{model}': {said}{'' if said.endswith('?') else '.'}",
            expected=first.expected,
            next_step="see /docs for the signature and an example to paste",
            model=model,
            problem_count=len(problems),
            fields=[problem.to_dict() for problem in problems[:MAX_PROBLEMS_SHOWN]],
        )


class FeedbackMismatch(Invalid):
    """A feedback value that the prediction could never have been."""

    code = "feedback-mismatch"

    def __init__(self, field: str, expected: str, got: str) -> None:
        super().__init__(
            f"The feedback's field '{field}' is {got}.",
            expected=expected,
            next_step="send {'id': …, 'value': …} with a value of that kind",
            fields=[{"field": field, "expected": expected, "got": got}],
        )


class MalformedRequest(Invalid):
    """Bytes that are not the JSON that was promised, or a request without what HTTP demands."""

    code = "malformed-request"
    http_status = 400

    def __init__(self, reason: str, *, expected: str = "one JSON object in UTF-8") -> None:
        super().__init__(f"The request could not be read: {reason}.", expected=expected)


class RequestTimeout(Invalid):
    """A body that came too slowly."""

    code = "request-timeout"
    http_status = 408

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"The body did not arrive within {limit_s:g} s.", expected="the whole body in that time"
        )


class UnsupportedContent(Invalid):
    """A content type that is not JSON."""

    code = "unsupported-content"
    http_status = 415

    def __init__(self, got: str, wanted: str = "application/json") -> None:
        super().__init__(
            f"The content type is '{got}'." if got else "The request has no content type.",
            expected=f"Content-Type: {wanted}",
        )


class NoSuchMethod(Invalid):
    """A path that exists, asked with a method that it does not have."""

    code = "no-such-method"
    http_status = 405

    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"'{path}' has no method {method}.", expected=" or ".join(allowed))


class Misdirected(Invalid):
    """A Host header that does not name this machine's loopback: a page may be rebinding a name to it."""

    code = "misdirected-request"
    http_status = 421

    def __init__(self, host: str) -> None:
        super().__init__(
            f"This service does not answer for the host '{host}'.",
            expected="a loopback name: localhost, 127.0.0.1 or [::1]",
        )


class ForeignOrigin(Refused):
    """A request that a browser sent on behalf of another site."""

    code = "foreign-origin"

    def __init__(self, header: str, value: str) -> None:
        super().__init__(
            f"The request comes from another site ({header}: {value}).",
            expected="a request from this service's own pages or from a program",
        )


class BodyTooLarge(TooLarge):
    """A body over the limit."""

    code = "body-too-large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The body is larger than {limit_bytes:,} bytes.",
            expected=f"at most {limit_bytes:,} bytes",
            next_step="send fewer rows a request",
            limit_bytes=limit_bytes,
        )


class UnknownPath(NotFound):
    """A path that this service does not have."""

    code = "unknown-path"

    def __init__(self, path: str, known: Sequence[str]) -> None:
        super().__init__("path", path, known)


class Incompatible(Conflict):
    """A version that cannot share traffic with the live one: what fits the one does not fit the other."""

    code = "signature-incompatible"

    def __init__(self, model: str, live: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"'{model}' cannot answer in the place of '{live}': {'; '.join(differences)}.",
            expected="a version that reads no more than the live one, and answers of the same kind",
            next_step=f"ropeway model promote {model}, once callers send what it reads",
            model=model,
            live=live,
            differences=list(differences),
        )


class AuthRequired(Refused):
    """A wish to be reached beyond loopback by something that does not ask who is calling."""

    code = "auth-required"

    def __init__(self, host: str, next_step: str = "") -> None:
        super().__init__(
            f"Will not listen on '{host}': without authentication anyone who reaches it could use it.",
            expected="a loopback host: 127.0.0.1, ::1 or localhost",
            next_step=next_step
            or "leave --host out; where others need it, put a proxy with authentication in front",
        )


class PortBusy(Unavailable):
    """A port that another process holds."""

    code = "port-busy"

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is taken by another process.",
            expected="a free port",
            next_step=f"--port {port + 1 if port < 65535 else 8080}, or --port 0 for any free one",
            host=host,
            port=port,
        )


class CannotListen(Unavailable):
    """An address that the system does not let us listen on."""

    code = "cannot-listen"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"Cannot listen on {host}, port {port}: {reason}.",
            expected="an address of this machine and a port from 1024 to 65535",
            next_step="--port 0 takes any free port",
        )


class PredictionFailed(Failed):
    """The model's own code raised, or answered with something that is no answer.

    `cause` is the code of the error below it (`step-failed`), where that is one of ours.
    """

    code = "prediction-failed"

    def __init__(self, model: str, reason: str, *, cause: str = "", step: str = "") -> None:
        super().__init__(
            f"'{model}' could not answer: {reason}.",
            next_step="the service's log on stderr holds the whole error",
            model=model,
            cause=cause,
            step=step,
        )


class AnswerOverdue(Unavailable):
    """A version on trial that kept a request waiting; the live one answered in its place."""

    code = "answer-overdue"

    def __init__(self, model: str, limit_s: float) -> None:
        super().__init__(
            f"'{model}' did not answer within {limit_s:g} s.",
            expected="an answer in that time",
            next_step=f"ropeway rollback {model.partition('@')[0]}",
            model=model,
        )


class ModelRecalled(Unavailable):
    """The version was taken out of use, since it does harm: it answers no more."""

    code = "model-recalled"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"'{model}' was recalled and answers no more.",
            expected="another version in its place",
            next_step=f"ropeway model promote {model.partition('@')[0]}@VERSION",
            model=model,
        )


class WorkspaceGone(Unavailable):
    """The workspace's database is not where it was."""

    code = "workspace-gone"

    def __init__(self, place: str) -> None:
        super().__init__(
            f"The workspace's database '{place.rpartition('/')[2]}' is gone.",
            expected=f"a ledger at {place}",
            next_step="bring the folder back; the service finds it by itself",
        )


class LogUnavailable(Unavailable):
    """The record of an answer could not be written, so the answer is not given."""

    code = "log-unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The prediction log cannot be written: {reason}. An answer without a record is not given.",
            next_step="free space under .ropeway/segments, then send the request again",
        )


class EntitySaltDamaged(Unavailable):
    """The file with the salt of entities holds none."""

    code = "entity-salt-damaged"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"'{path.name}' holds no salt for entities.",
            expected="64 hexadecimal digits, as it was made",
            next_step=f"bring back {path} from a copy; removed, a new one is made: entities get new digests",
        )


class Internal(Failed):
    """A fault of ours at the request edge; the body says no more than this."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__(
            "The service failed on this request.", next_step="its log on stderr holds the whole error"
        )
