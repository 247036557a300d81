"""Is everything here what it was? Events, their payloads, the projections, the objects and the segments."""

from collections import defaultdict
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.ledger.journal import Record, commitment, fact_of
from ropeway.ledger.tables import event, event_payload
from ropeway.predictions import soundness
from ropeway.store import read_segment, salvage_segment
from ropeway.store.errors import ObjectMissing, SegmentDamaged
from ropeway.workspace import Context
from ropeway.workspace.finding import Finding

TREE_BEGINS = b'{"entries":'


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
    findings.extend(Finding(what=problem) for problem in context.ledger.problems(connection))
    events, needed = _check_events(connection, findings)
    objects = _check_objects(context, needed, findings)
    segments = _check_segments(context, findings)
    return SoundnessReport(events=events, objects=objects, segments=segments, findings=findings)


def _check_segments(context: Context, findings: list[Finding]) -> int:
    """Open segments by their frames, sealed ones by the room that sealed them."""
    count = 0
    for path in _segment_files(context.home):
        try:
            is_torn = read_segment(path).torn
            # A cut-off end is what a kill leaves; anything else between records is damage.
            if is_torn and salvage_segment(path).damaged:
                findings.append(Finding(what=f"A record of the segment '{path}' is damaged."))
        except SegmentDamaged as error:
            findings.append(Finding(what=error.what))
        except FileNotFoundError:
            continue  # sealed or removed meanwhile
        count += 1
    sealed, found = soundness.check_segments(context)
    findings.extend(found)
    return count + sealed


def _segment_files(home: Path) -> list[Path]:
    """Every segment, whichever room wrote it; a hidden file is one that was never finished being made."""
    files = (path for folder in ("spool", "segments") for path in (home / folder).rglob("*"))
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def _check_events(connection: Connection, findings: list[Finding]) -> tuple[int, dict[Digest, list[str]]]:
    """Gapless, as their canonical bytes say, payloads as committed; gives the objects that events need."""
    needed: dict[Digest, list[str]] = defaultdict(list)
    payloads = {row.event_id: row for row in connection.execute(select(event_payload))}
    count = 0
    for expected, row in enumerate(connection.execute(select(event).order_by(event.c.seq)), start=1):
        count += 1
        payload = payloads.get(row.id)
        try:
            record = msgspec.json.decode(row.record, type=Record)
            kind = TYPES_BY_VERB[record.verb, record.v]
            fact = fact_of(record, kind, None if payload is None else payload.value)
        except (msgspec.MsgspecError, KeyError) as error:
            findings.append(Finding(what=f"event {row.seq} cannot be read: {error}"))
            continue
        columns = (record.seq, record.id, record.at, record.actor, record.verb, record.subject)
        if columns != (expected, row.id, row.at, row.actor, row.verb, row.subject):
            findings.append(Finding(what=f"event {row.seq} does not say what its columns say"))
        if payload is not None and commitment(payload.nonce, payload.value) != record.payload:
            findings.append(Finding(what=f"the payload of event {row.seq} is not what was committed to"))
        for digest in fact.event.objects():
            needed[digest].append(f"event {row.seq} {record.verb} {record.subject}")
    return count, needed


def _check_objects(context: Context, needed: dict[Digest, list[str]], findings: list[Finding]) -> int:
    """Read what is there, and miss what is not."""
    sound: dict[Digest, list[Digest]] = {}
    hurt: dict[Digest, str] = {}
    for digest in context.store.digests():
        try:
            is_tree = context.store.read(digest).startswith(TREE_BEGINS)
            sound[digest] = list(context.store.read_tree(digest).values()) if is_tree else []
        except Damaged as error:
            hurt[digest] = error.what
    # What a tree holds is needed by whoever needs the tree.
    todo = list(needed)
    while todo:
        tree = todo.pop()
        for member in sound.get(tree, []):
            if member not in needed:
                needed[member] = needed[tree]
                todo.append(member)
    missing = {digest: ObjectMissing(digest).what for digest in needed if digest not in sound | hurt}
    for digest, what in sorted((hurt | missing).items()):
        findings.append(Finding(what=what, named_by=needed.get(digest, [])))
    return len(sound) + len(hurt)
