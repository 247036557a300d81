"""The ledger's records against all that was written of them: the tree over them, signed heads, a replay.

A bit that flipped in the database's own data is found here, on any database, and named with the versions and
runs that rest on the event. Whether the key is to be trusted, and what heads elsewhere say, is asked by
`audit verify`.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.records import AuditFinding
from ropeway.keeping.audit.verify import Gathered, check_history, compare_with_replay, ledger_id
from ropeway.keeping.concerns import concerned
from ropeway.ledger.tables import edge, event, meta
from ropeway.ledger.transaction import MOVED
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.workspace import Context
from ropeway.workspace.answers import damaged_answers
from ropeway.workspace.checkpoints import VERIFIER
from ropeway.workspace.finding import Finding

SAID = {"format", "projections", LEDGER_ID, VERIFIER, MOVED}
"""All that a ledger says of itself."""
NAMED_AT_MOST = 100
"""Of many events that are not sound at once, so many are looked up by name."""


def check_records(context: Context, gathered: Gathered, *, replays: bool) -> tuple[list[Finding], int]:
    """Hold every event, payload, node and head against each other; gives what is wrong, and what was erased.

    Args:
        context: where.
        gathered: the heads in the workspace's own file, read before the snapshot.
        replays: whether every table that answers questions is held against a replay as well.
    """
    connection, findings = context.read, Findings()
    for key in sorted(set(connection.execute(select(meta.c.key)).scalars()) - SAID):
        findings.add("database", f"the ledger says '{key}' of itself, which nothing here writes")
    for key in damaged_answers(connection):
        findings.add("database", f"the answer kept for the request '{key}' is not as it was written")
    checked = check_history(ledger_id(context), connection, gathered, findings)
    if replays:
        compare_with_replay(context, connection, findings, gathered.notes)
    return [_named(connection, each) for each in findings.all()], checked.walked.erased


def _named(connection: Connection, found: AuditFinding) -> Finding:
    """A finding with the events it is about, and what rests on them."""
    named = list(_events(connection, found)) if found.seq is not None else []
    subjects = [name.split(" ", 3)[-1] for name in named]
    # An event that is gone has left its edges.
    if found.seq is not None and not named:
        between = edge.c.seq.between(found.seq, found.through or found.seq)
        subjects += connection.execute(
            select(edge.c.downstream).where(between).distinct().limit(NAMED_AT_MOST)
        ).scalars()
    return Finding(
        what=found.sentence,
        named_by=named,
        concerns=concerned(connection, _distinct(subjects)),
        is_derived=found.about == "projection",
    )


def _events(connection: Connection, found: AuditFinding) -> Iterator[str]:
    rows = connection.execute(
        select(event.c.seq, event.c.verb, event.c.subject)
        .where(event.c.seq.between(found.seq, found.through or found.seq))
        .order_by(event.c.seq)
        .limit(NAMED_AT_MOST)
    )
    for row in rows:
        yield f"event {row.seq} {row.verb} {row.subject}"


def _distinct(subjects: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(subjects))
