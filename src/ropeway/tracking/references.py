"""References to what a run uses, `kind:id`: their form, and whether anything on record answers to them."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from ropeway.ledger.tables import event
from ropeway.tracking.errors import ReferenceInvalid, ReferenceUnknown
from ropeway.workspace import Context, operation

RECORDED = ("dataset", "guide", "model", "ratings", "run")
"""The kinds whose every member has an event of its own: a reference to none of these is a slip."""


def check_reference(ref: str) -> str:
    """The reference, when it has the form of one: `kind:id`.

    Raises:
        ReferenceInvalid: it has not.
    """
    kind, colon, name = str(ref).partition(":")
    if not (colon and name and kind.isidentifier() and kind.isascii()):
        raise ReferenceInvalid(str(ref))
    return str(ref)


@operation("tracking.require-references", kind="query", permission="runs:read")
def require_references(context: Context, *, refs: list[str]) -> None:
    """Refuse references to datasets, models, runs and the like that are not on record.

    Raises:
        ReferenceInvalid: one has not the form `kind:id`.
        ReferenceUnknown: nothing answers to one.
    """
    require_known(context.read, refs)


def require_known(connection: Connection, refs: Sequence[str]) -> None:
    """As `require_references`, within an operation."""
    for ref in refs:
        kind, _, identity = check_reference(ref).partition(":")
        if kind not in RECORDED:
            continue
        if connection.execute(select(event.c.seq).where(event.c.subject == ref).limit(1)).first() is None:
            raise ReferenceUnknown(ref, kind, identity.partition("@")[0], _known(connection, kind))


def _known(connection: Connection, kind: str) -> dict[str, str]:
    """The newest reference of each name of a kind."""
    subjects = connection.execute(
        select(event.c.subject)
        .where(event.c.subject.startswith(f"{kind}:", autoescape=True))
        .order_by(event.c.seq)
    ).scalars()
    return {subject.partition(":")[2].partition("@")[0]: subject for subject in subjects}
