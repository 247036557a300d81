"""The whole check of history: events, payloads, tree, keys, signed heads, projections. Changes nothing."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.note import Verifier, parse_verifier
from ropeway.keeping.audit.erased import erased_events
from ropeway.keeping.audit.findings import Findings
from ropeway.keeping.audit.history import Walked, walk
from ropeway.keeping.audit.keys import check_terms, terms_of
from ropeway.keeping.audit.records import AuditReport
from ropeway.keeping.audit.replay import compare_projections
from ropeway.keeping.audit.signed import Source, check_heads, compare_places, read_heads
from ropeway.ledger.journal import get_meta
from ropeway.ledger.tables import checkpoint
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.workspace import Context
from ropeway.workspace.checkpoints import HEADS, OWN_HEADS, outside_file
from ropeway.workspace.heads import HeadsFile
from ropeway.workspace.keyring import Keyring
from ropeway.workspace.user_folder import user_folder

SCRATCH = "tmp"
"""The folder of the workspace in which a replay lies meanwhile."""


class Gathered(msgspec.Struct, kw_only=True):
    """What lies outside the database: heads and keys."""

    own: list[str]
    has_own_file: bool
    outside: list[str]
    known: list[Verifier]
    notes: list[str]


class Checked(msgspec.Struct, kw_only=True):
    """What a check of the history went through."""

    walked: Walked
    covered: dict[Source, int]
    checkpoints: int


def verify(context: Context, *, keys: Sequence[str], heads: Sequence[str]) -> AuditReport:
    """Check everything; see `audit.verify`."""
    context.ledger.prepare()
    name = ledger_id(context)
    # Before the snapshot: a head reaches the files after the database, so what they hold the snapshot has.
    gathered = _gather(context, name, keys, heads)
    connection = context.read
    findings, notes = Findings(), gathered.notes
    for problem in context.ledger.problems(connection):
        findings.add("database", problem)
    check_terms(terms_of(connection, Findings()), gathered.known, findings, notes)
    checked = check_history(name, connection, gathered, findings)
    compare_with_replay(context, connection, findings, notes)
    walked = checked.walked
    return AuditReport(
        ledger=name,
        events=walked.events,
        checkpoints=checked.checkpoints,
        outside=len(gathered.outside),
        uncovered=walked.events - checked.covered["outside"],
        unsigned=walked.events - checked.covered["database"],
        erased=walked.erased,
        notes=notes,
        findings=findings.all(),
    )


def check_history(name: str, connection: Connection, gathered: Gathered, findings: Findings) -> Checked:
    """Every event, payload and node, and every head that was gathered or stands in the database.

    Args:
        name: the ledger's id.
        connection: a snapshot that began after the heads were gathered.
        gathered: what lies outside the database; its notes are added to.
        findings: where what is wrong goes.
    """
    terms = terms_of(connection, findings)
    rows = connection.execute(select(checkpoint).order_by(checkpoint.c.size)).all()
    signed = [
        *read_heads(name, "database", [str(row.note) for row in rows], terms, findings),
        *read_heads(name, "workspace", gathered.own, terms, findings),
        *read_heads(name, "outside", gathered.outside, terms, findings),
    ]
    if {row.size for row in rows} != {each.said.size for each in signed if each.source == "database"}:
        findings.add("checkpoint", "a checkpoint does not say the number of events that its row says")
    walked = walk(connection, {each.said.size for each in signed}, erased_events(connection), findings)
    covered = check_heads(signed, walked, findings, gathered.notes)
    compare_places(signed, walked, has_file=gathered.has_own_file, findings=findings)
    return Checked(walked=walked, covered=covered, checkpoints=len(rows))


def compare_with_replay(
    context: Context, connection: Connection, findings: Findings, notes: list[str]
) -> None:
    """The tables that answer questions against a replay, where the events are sound to be replayed."""
    if any(each.about in ("event", "payload") for each in findings.all()):
        notes.append("projections were not compared: the events that make them are not sound")
    else:
        compare_projections(context.ledger, connection, context.home / SCRATCH, findings)


def ledger_id(context: Context) -> str:
    """The ledger's own id, as its heads name it."""
    with context.ledger.reading() as connection:
        return get_meta(connection, LEDGER_ID) or ""


def gather_own(context: Context) -> Gathered:
    """The heads in the workspace's own file, and nothing from outside it: no word of a key or of a head."""
    own = HeadsFile(context.home / HEADS / OWN_HEADS)
    lines, torn = own.read()
    notes = [f"{torn} lines of the workspace's file of heads cannot be read"] if torn else []
    return Gathered(
        own=[line.note for line in lines], has_own_file=own.path.exists(), outside=[], known=[], notes=notes
    )


def _gather(context: Context, name: str, keys: Sequence[str], heads: Sequence[str]) -> Gathered:
    gathered = gather_own(context)
    keyring = Keyring(user_folder(), name)
    outside, notes = [*heads, *keyring.heads()], gathered.notes
    elsewhere = outside_file(context.root, context.project.audit.heads, name)
    if elsewhere is not None:
        found, torn = HeadsFile(elsewhere).read()
        outside.extend(line.note for line in found)
        if not found:
            notes.append(f"no heads are in '{elsewhere}'")
        if torn:
            notes.append(f"{torn} lines of '{elsewhere}' cannot be read")
    gathered.outside = list(dict.fromkeys(outside))
    gathered.known = [parse_verifier(key) for key in keys] or keyring.verifiers()
    return gathered
