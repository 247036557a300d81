"""Errors as MLflow's client knows them: a code that it branches on, and one text.

Invalid   ├── Refusal          with a code of MLflow's, said by a route itself
          └── NotOffered       501: MLflow has it, this server does not
"""

from typing import ClassVar

import msgspec

from ropeway.core.errors import Conflict, Invalid, NotFound, Refused, RopewayError, TooLarge, Unavailable
from ropeway.ledger.errors import DiskFull
from ropeway.models.errors import ModelExists
from ropeway.server.errors import SessionOver, SignInRequired, TokenRefused, TooManyAttempts
from ropeway.serving.errors import NoSuchMethod, RequestTimeout, UnknownPath
from ropeway.store.errors import OutOfSpace
from ropeway.tracking.afar.errors import ExperimentExists, NotActive, ParamFixed
from ropeway.tracking.errors import MlflowFilterInvalid

STATUS = {
    "INVALID_PARAMETER_VALUE": 400,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    # MLflow answers 500, which its client sends again and again.
    "INVALID_STATE": 409,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    # Its client sends again after most of 5xx, for minutes; not after this one, until somebody has made room.
    "RESOURCE_EXHAUSTED": 507,
}

_CODES: tuple[tuple[type[RopewayError], str], ...] = (
    (SignInRequired, "UNAUTHENTICATED"),
    (TokenRefused, "UNAUTHENTICATED"),
    (SessionOver, "UNAUTHENTICATED"),
    (TooManyAttempts, "REQUEST_LIMIT_EXCEEDED"),
    (UnknownPath, "ENDPOINT_NOT_FOUND"),
    (NoSuchMethod, "ENDPOINT_NOT_FOUND"),
    (ExperimentExists, "RESOURCE_ALREADY_EXISTS"),
    (ModelExists, "RESOURCE_ALREADY_EXISTS"),
    (NotActive, "INVALID_PARAMETER_VALUE"),
    (ParamFixed, "INVALID_PARAMETER_VALUE"),
    (TooLarge, "INVALID_PARAMETER_VALUE"),
    (RequestTimeout, "TEMPORARILY_UNAVAILABLE"),
    (Invalid, "INVALID_PARAMETER_VALUE"),
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (Conflict, "INVALID_STATE"),
    (Refused, "PERMISSION_DENIED"),
    (DiskFull, "RESOURCE_EXHAUSTED"),
    (OutOfSpace, "RESOURCE_EXHAUSTED"),
    (Unavailable, "TEMPORARILY_UNAVAILABLE"),
)


class Refusal(Invalid):
    """A request that MLflow refuses too, in the words of its own server."""

    code: ClassVar[str] = "mlflow-refusal"

    def __init__(self, message: str, error_code: str = "INVALID_PARAMETER_VALUE") -> None:
        super().__init__(message, expected="", next_step="")
        self.error_code = error_code


class NotOffered(Invalid):
    """A part of MLflow's server that is not here."""

    code: ClassVar[str] = "not-offered"
    http_status: ClassVar[int] = 501

    def __init__(self, method: str, path: str, instead: str = "") -> None:
        super().__init__(
            f"This server does not offer {method} {path[:120]}.",
            expected="a route of those that docs/mlflow.md lists",
            next_step=f"what takes its place: {instead}"
            if instead
            else "see 'Coming from MLflow' in the docs",
        )


def code_of(error: RopewayError) -> str:
    """The code under which MLflow's client knows an error."""
    if isinstance(error, Refusal):
        return error.error_code
    if isinstance(error, NotOffered):
        return "NOT_IMPLEMENTED"
    return next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL_ERROR")


def status_of(error: RopewayError) -> int:
    """The HTTP status of an error: MLflow's, or that of HTTP itself."""
    by_http = isinstance(error, TooLarge | RequestTimeout | NoSuchMethod)
    return error.http_status if by_http else STATUS[code_of(error)]


def body_of(error: RopewayError) -> bytes:
    """An error in MLflow's shape."""
    return msgspec.json.encode({"error_code": code_of(error), "message": _message(error)})


def _message(error: RopewayError) -> str:
    match error:
        case NotActive():
            return f"The {error.noun} {error.name} must be in the 'active' state. Current state is deleted."
        case MlflowFilterInvalid() | Refusal():
            return error.what
        case ParamFixed():
            facts = error.facts
            return (
                f"Changing param values is not allowed. Param with key='{facts['key']}' was already logged "
                f"with value='{facts['old']}' for run ID='{facts['run']}'. Attempted logging new value "
                f"'{facts['new']}'."
            )
    return str(error)
