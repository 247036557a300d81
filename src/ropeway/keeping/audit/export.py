"""The ledger as one file that proves itself: for auditors without a database, without Ropeway.

JSON lines: a header, every signed head, every event in order, an end. An event's line holds its canonical
bytes as text; the values that it commits to are left out unless asked for. `ropeway.offline` reads it.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.history import plain_bytes
from ropeway.keeping.audit.keys import terms_of
from ropeway.ledger.journal import get_meta
from ropeway.ledger.tables import checkpoint, event, event_payload
from ropeway.ledger.tree import size_of
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.workspace import Context
from ropeway.workspace.checkpoints import HEADS, OWN_HEADS
from ropeway.workspace.heads import HeadsFile

EXPORT_FORMAT = 1
BATCH = 1_000


def export_lines(context: Context, *, payloads: bool) -> Iterator[dict[str, Any]]:
    """The lines of an export, each to be written as JSON; see `audit.export`."""
    own, _ = HeadsFile(context.home / HEADS / OWN_HEADS).read()
    connection = context.read
    size = size_of(connection)
    yield {
        "ropeway_export": EXPORT_FORMAT,
        "ledger": get_meta(connection, LEDGER_ID),
        "events": size,
        "keys": [term.verifier.text for term in terms_of(connection, Findings())],
    }
    for row in connection.execute(select(checkpoint).order_by(checkpoint.c.size)).all():
        yield {"checkpoint": row.note}
    for line in own:
        yield {"head": line.note}
    query = (
        select(event.c.seq, event.c.record, event_payload.c.nonce, event_payload.c.value)
        .select_from(event.outerjoin(event_payload, event_payload.c.event_id == event.c.id))
        .order_by(event.c.seq)
        .limit(BATCH)
    )
    after = 0
    while after < size:
        rows = connection.execute(query.where(event.c.seq > after)).all()
        if not rows:
            break
        for row in rows:
            shown = {"record": plain_bytes(row.record).decode(errors="replace")}
            if payloads and row.nonce is not None:
                value = plain_bytes(row.value).decode(errors="replace")
                yield {**shown, "payload": {"nonce": plain_bytes(row.nonce).hex(), "value": value}}
            else:
                yield shown
        after = rows[-1].seq
    yield {"end": size}
