"""The whole check of history: events, payloads, tree, keys, signed heads, projections. Changes nothing."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select, text

from ropeway.core.note import Verifier, parse_verifier
from ropeway.keeping.audit.erased import erased_events
from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.history import walk
from ropeway.keeping.audit.keys import check_terms, terms_of
from ropeway.keeping.audit.records import AuditReport
from ropeway.keeping.audit.replay import compare_projections
from ropeway.keeping.audit.signed import check_heads, compare_places, read_heads
from ropeway.ledger.database.sqlite import TRIGGERS
from ropeway.ledger.journal import get_meta
from ropeway.ledger.tables import checkpoint
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.workspace import Context
from ropeway.workspace.checkpoints import HEADS, OWN_HEADS, outside_file
from ropeway.workspace.heads import HeadsFile
from ropeway.workspace.keyring import Keyring
from ropeway.workspace.user_folder import user_folder


class Gathered(msgspec.Struct, kw_only=True):
    """What lies outside the database: heads and keys."""

    own: list[str]
    has_own_file: bool
    outside: list[str]
    known: list[Verifier]
    notes: list[str]


def verify(context: Context, *, keys: Sequence[str], heads: Sequence[str]) -> AuditReport:
    """Check everything; see `audit.verify`."""
    with context.ledger.reading() as connection:
        name = get_meta(connection, LEDGER_ID) or ""
    # Before the snapshot: a head reaches the files after the database, so what they hold the snapshot has.
    gathered = _gather(context, name, keys, heads)
    connection = context.read
    findings, notes = Findings(), gathered.notes
    _check_guards(connection, findings)
    terms = terms_of(connection, findings)
    check_terms(terms, gathered.known, findings, notes)
    rows = connection.execute(select(checkpoint).order_by(checkpoint.c.size)).all()
    signed = [
        *read_heads(name, "database", [str(row.note) for row in rows], terms, findings),
        *read_heads(name, "workspace", gathered.own, terms, findings),
        *read_heads(name, "outside", gathered.outside, terms, findings),
    ]
    if {row.size for row in rows} != {each.said.size for each in signed if each.source == "database"}:
        findings.add("checkpoint", "a checkpoint does not say the number of events that its row says")
    walked = walk(connection, {each.said.size for each in signed}, erased_events(connection), findings)
    covered = check_heads(signed, walked, findings, notes)
    compare_places(signed, walked, has_file=gathered.has_own_file, findings=findings)
    if any(each.about in ("event", "payload") for each in findings.all()):
        notes.append("projections were not compared: the events that make them are not sound")
    else:
        compare_projections(context.ledger, connection, findings)
    return AuditReport(
        ledger=name,
        events=walked.events,
        checkpoints=len(rows),
        outside=len(gathered.outside),
        uncovered=walked.events - covered["outside"],
        unsigned=walked.events - covered["database"],
        erased=walked.erased,
        notes=notes,
        findings=findings.all(),
    )


def _gather(context: Context, name: str, keys: Sequence[str], heads: Sequence[str]) -> Gathered:
    keyring = Keyring(user_folder(), name)
    own = HeadsFile(context.home / HEADS / OWN_HEADS)
    lines, torn = own.read()
    notes = [f"{torn} lines of the workspace's file of heads cannot be read"] if torn else []
    outside = [*heads, *keyring.heads()]
    elsewhere = outside_file(context.root, context.project.audit.heads, name)
    if elsewhere is not None:
        found, torn = HeadsFile(elsewhere).read()
        outside.extend(line.note for line in found)
        if not found:
            notes.append(f"no heads are in '{elsewhere}'")
        if torn:
            notes.append(f"{torn} lines of '{elsewhere}' cannot be read")
    return Gathered(
        own=[line.note for line in lines],
        has_own_file=own.path.exists(),
        outside=list(dict.fromkeys(outside)),
        known=[parse_verifier(key) for key in keys] or keyring.verifiers(),
        notes=notes,
    )


def _check_guards(connection: Connection, findings: Findings) -> None:
    """The triggers that forbid changes, as they were made."""
    if connection.dialect.name != "sqlite":
        return
    rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE type = 'trigger'")).scalars()
    standing = {_words(sql) for sql in rows}
    for trigger in TRIGGERS:
        if _words(trigger) not in standing:
            findings.add("database", f"the guard '{_words(trigger).split()[2]}' is gone or was changed")


def _words(sql: str) -> str:
    return " ".join(sql.replace("IF NOT EXISTS ", "").split())
