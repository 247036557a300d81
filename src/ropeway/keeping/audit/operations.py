"""What can be asked of an audit, and the one thing that can be done: another key."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from ropeway.keeping.audit.export import export_lines
from ropeway.keeping.audit.key import describe_key, replace_key
from ropeway.keeping.audit.prove import prove_event, prove_growth
from ropeway.keeping.audit.records import AuditReport, ConsistencyProof, InclusionProof, LedgerKey
from ropeway.keeping.audit.verify import verify
from ropeway.workspace import Context, operation


@operation("audit.verify", kind="job", permission="ledger:read")
def verify_history(context: Context, *, keys: list[str] = [], heads: list[str] = []) -> AuditReport:  # noqa: B006
    """Check all of history against its commitments, its tree, its signed heads, and a replay.

    Args:
        context: the call.
        keys: verifier keys to go by; those known on this machine when there are none.
        heads: notes of heads that the caller keeps, besides those that are known here.
    """
    return verify(context, keys=keys, heads=heads)


@operation("audit.prove", kind="query", permission="ledger:read")
def prove(context: Context, *, seq: int, size: int | None = None) -> InclusionProof:
    """Prove that an event stands in the ledger.

    Args:
        context: the call.
        seq: the event's number.
        size: under the head over so many events; the newest checkpoint's when absent.
    """
    return prove_event(context.read, seq, size)


Size = Annotated[int, msgspec.Meta(ge=1)]
"""So many events: a proof begins with the first."""


@operation("audit.consistency", kind="query", permission="ledger:read")
def prove_consistency(context: Context, *, first: Size, second: Size) -> ConsistencyProof:
    """Prove that between two sizes the ledger only grew."""
    return prove_growth(context.read, first, second)


@operation("audit.export", kind="stream", permission="ledger:export")
def export(context: Context, *, payloads: bool = False) -> Iterator[dict[str, Any]]:
    """The ledger line by line, in the form that proves itself offline.

    Args:
        context: the call.
        payloads: with the erasable values, such as names; without them each event still commits to its own.
    """
    return export_lines(context, payloads=payloads)


@operation("audit.key", kind="query", permission="ledger:read")
def show_key(context: Context) -> LedgerKey:
    """The key that signs this ledger's heads, to be kept by who wants to check them."""
    return describe_key(context)


@operation("audit.replace-key", kind="command", permission="ledger:sign")
def put_new_key(context: Context, *, reason: str) -> LedgerKey:
    """Have the heads signed by a new key from now on: the old one is lost, or the ledger was put back.

    Args:
        context: the call.
        reason: why, for those who check it later.
    """
    return replace_key(context, reason)
