"""Is everything here what it was? Events, their payloads, the projections, the objects and the segments."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, select, text

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.ledger.journal import Record, commitment
from ropeway.ledger.tables import event, event_payload, projected
from ropeway.store import read_segment
from ropeway.store.errors import SegmentDamaged
from ropeway.workspace.context import Context

DIGEST_LENGTH = 64


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not sound, and the events that refer to it."""

    what: str
    named_by: list[str] = []


class SoundnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and what was found wrong; nothing is changed."""

    events: int
    objects: int
    segments: int
    findings: list[Finding]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def check_soundness(context: Context) -> SoundnessReport:
    """Read every event, object and segment, and hold them against their digests."""
    findings: list[Finding] = []
    connection = context.read
    integrity = connection.execute(text("PRAGMA integrity_check")).scalar_one()
    if integrity != "ok":
        findings.append(Finding(what=f"the database says: {integrity}"))
    events, named = _check_events(connection, findings)
    objects = _check_objects(context, named, findings)
    segments = 0
    for path in _segment_files(context.home):
        segments += 1
        try:
            read_segment(path)
        except SegmentDamaged as error:
            findings.append(Finding(what=error.what))
    return SoundnessReport(events=events, objects=objects, segments=segments, findings=findings)


def projected_rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every projection's rows, sorted: what a replay must give again."""
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in projected.sorted_tables
    }


def _segment_files(home: Path) -> list[Path]:
    """Every segment, whichever room wrote it; a hidden file is one that was never finished being made."""
    files = (path for folder in ("spool", "segments") for path in (home / folder).rglob("*"))
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def _check_events(connection: Connection, findings: list[Finding]) -> tuple[int, dict[str, list[str]]]:
    """Gapless, as their canonical bytes say, payloads as committed; gives the digests that events name."""
    named: dict[str, list[str]] = defaultdict(list)
    payloads = {row.event_id: row for row in connection.execute(select(event_payload))}
    count = 0
    for expected, row in enumerate(connection.execute(select(event).order_by(event.c.seq)), start=1):
        count += 1
        try:
            record = msgspec.json.decode(row.record, type=Record)
        except msgspec.DecodeError as error:
            findings.append(Finding(what=f"event {row.seq} cannot be read: {error}"))
            continue
        columns = (record.seq, record.id, record.at, record.actor, record.verb, record.subject)
        if columns != (expected, row.id, row.at, row.actor, row.verb, row.subject):
            findings.append(Finding(what=f"event {row.seq} does not say what its columns say"))
        payload = payloads.get(row.id)
        if payload is not None and commitment(payload.nonce, payload.value) != record.payload:
            findings.append(Finding(what=f"the payload of event {row.seq} is not what was committed to"))
        for digest in _digests_in(record.body):
            named[digest].append(f"event {row.seq} {record.verb} {record.subject}")
    return count, named


def _check_objects(context: Context, named: dict[str, list[str]], findings: list[Finding]) -> int:
    count = 0
    for digest in context.store.digests():
        count += 1
        try:
            data = context.store.read(digest)
        except Damaged as error:
            findings.append(Finding(what=error.what, named_by=named.get(digest, [])))
            continue
        # What a tree holds is named by whoever names the tree.
        if data.startswith(b'{"entries":'):
            for member in _digests_in(msgspec.json.decode(data)):
                named.setdefault(member, named.get(digest, []))
    return count


def _digests_in(value: object) -> list[Digest]:
    """Every text in a JSON value that is a digest."""
    if isinstance(value, str):
        is_digest = len(value) == DIGEST_LENGTH and all(letter in "0123456789abcdef" for letter in value)
        return [Digest(value)] if is_digest else []
    if isinstance(value, dict):
        return [digest for item in value.values() for digest in _digests_in(item)]
    if isinstance(value, list):
        return [digest for item in value for digest in _digests_in(item)]
    return []
