"""PostgreSQL's errors in our words, by their SQLSTATE (PostgreSQL's documentation, appendix A)."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from ropeway.core.errors import RopewayError
from ropeway.ledger.errors import DiskFull, LedgerBusy, LedgerDamaged, LedgerUnreachable

DISK_FULL = "53100"
DAMAGED = ("XX001", "XX002")
# A lock that was not granted, a deadlock, too many connections or locks, a server that only reads.
BUSY = ("55P03", "40P01", "40001", "53300", "53200", "25006", "57014")
GOING_OR_COMING = ("57P01", "57P02", "57P03")
LOST = "08"
# What a server says while it is coming back; an error at connecting carries no SQLSTATE.
COMING = (
    "starting up",
    "shutting down",
    "recovery",
    "not yet accepting",
    "refused",
    "No such file",
    "closed",
)


@contextmanager
def in_our_words(name: str) -> Iterator[None]:
    """Turn the driver's errors into ours; others pass unchanged."""
    try:
        yield
    except DBAPIError as error:
        ours = translate(error, name)
        if ours is error:
            raise
        raise ours from error


def translate(error: DBAPIError, name: str) -> RopewayError | DBAPIError:
    """The error in our words; itself, where it is a fault of ours."""
    state, reason = _state(error), reason_of(error)
    if state == DISK_FULL:
        return DiskFull(name)
    if state in DAMAGED:
        return LedgerDamaged(name, reason)
    if state in BUSY:
        return LedgerBusy(name, reason, on_server=True)
    if is_lost(error) or (not state and _is_operational(error)):
        return LedgerUnreachable(name, reason)
    # Who may not connect, or not to that database, is told so by the server's own words.
    if state.startswith(("28", "3D", "42501")):
        return LedgerUnreachable(name, reason)
    return error


def reason_of(error: DBAPIError) -> str:
    """What the server says, or the driver, on one line that goes on; never the question that was asked."""
    said = getattr(getattr(error.orig, "diag", None), "message_primary", None) or str(error.orig)
    return " ".join(said.split()).rstrip(".?")


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection was lost: what went before is not known from this error alone."""
    state = _state(error)
    return error.connection_invalidated or state in GOING_OR_COMING or state.startswith(LOST)


def is_passing(error: DBAPIError) -> bool:
    """Whether a server that is starting again is likely to answer soon."""
    reason = str(error.orig)
    return is_lost(error) or (not _state(error) and any(word in reason for word in COMING))


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _is_operational(error: DBAPIError) -> bool:
    return type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout")
