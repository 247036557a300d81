"""Is everything here what it was? Events, their payloads, the projections, the objects and the segments.

The records are held against the Merkle tree, the signed heads and a replay by `recorded`; here they are asked
which objects they need. A sample reads a share of the objects, another one each day, so that a job of every
day has read all of them after as many days as the share says; everything else is checked each time, but for
the replay of projections and the roots of sealed segments, which belong to the whole check.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.keeping.audit.history import plain_bytes, rows_of
from ropeway.keeping.audit.verify import gather_own
from ropeway.keeping.collect import ERASED, collected
from ropeway.keeping.concerns import concerned
from ropeway.keeping.errors import BadShare, CollectionUnsafe
from ropeway.keeping.in_bucket import read_bucket
from ropeway.keeping.liveness import members
from ropeway.keeping.points import check_points
from ropeway.keeping.recorded import check_records
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.ledger.record import Record, fact_of
from ropeway.predictions import soundness
from ropeway.store import read_segment, salvage_segment
from ropeway.store.errors import ObjectMissing, SegmentDamaged
from ropeway.workspace import Context
from ropeway.workspace.finding import Finding

LAST_CHECK = "keeping fsck"
"""The key in the cache under which the time of the last check stands, for `doctor`; free to vanish."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class SoundnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and what was found wrong; nothing is changed.

    Attributes:
        events: how many there are; all were read.
        objects: how many there are.
        read: how many of them were read.
        size_bytes: how many bytes that was.
        segments: open ones, and sealed ones in a whole check.
        erased_payloads: how many payloads are gone with an erasure on record: no damage.
        collected: how many that events once needed a collection took, by a policy: no damage.
        erased: how many of them were erased, under a certificate: no damage either.
        share: which share of the objects was asked for.
        findings: what is not sound.
    """

    events: int
    objects: int
    read: int = 0
    size_bytes: int = 0
    segments: int
    erased_payloads: int = 0
    collected: int = 0
    erased: int = 0
    share: float = 1.0
    findings: list[Finding]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class _Needed(msgspec.Struct):
    """Which events need an object, what those are about, and the number of the last."""

    named_by: list[str] = []
    subjects: list[str] = []
    last: int = 0


class _Seen(msgspec.Struct):
    """What a walk over the objects found."""

    objects: int = 0
    read: int = 0
    size_bytes: int = 0
    collected: int = 0
    erased: int = 0


def check_soundness(context: Context, *, share: float = 1.0, day: int | None = None) -> SoundnessReport:
    """Read everything, or a share of the objects, and hold it against digests, columns and replay.

    Args:
        context: where.
        share: which share of the objects is read, over 0 and at most 1.
        day: which part, for a sample: by default that of today.

    Raises:
        BadShare: there is no such share.
    """
    if not 0 < share <= 1:
        raise BadShare(f"{share:g}")
    findings: list[Finding] = []
    context.ledger.prepare()
    # Before the snapshot: a head reaches the file after the database, so what it holds the snapshot has.
    gathered = gather_own(context)
    parts = max(1, round(1 / share))
    findings.extend(Finding(what=problem) for problem in context.ledger.problems(context.read))
    events, needed = _needs(context.read, findings)
    found, erased_payloads = check_records(context, gathered, replays=parts == 1)
    findings.extend(found)
    findings.extend(check_points(context.read))
    part = (context.clock.now().toordinal() if day is None else day) % parts
    seen = _check_objects(context, needed, findings, parts, part)
    segments = _check_segments(context, findings, is_whole=parts == 1)
    if not findings:
        context.store.cache.put(LAST_CHECK, str(context.clock.now().timestamp()).encode())
    return SoundnessReport(
        events=events,
        objects=seen.objects,
        read=seen.read,
        size_bytes=seen.size_bytes,
        segments=segments,
        erased_payloads=erased_payloads,
        collected=seen.collected,
        erased=seen.erased,
        share=share,
        findings=findings,
    )


def _check_segments(context: Context, findings: list[Finding], *, is_whole: bool) -> int:
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
    if not is_whole:
        return count
    sealed, found = soundness.check_segments(context)
    findings.extend(found)
    return count + sealed


def _segment_files(home: Path) -> list[Path]:
    """Every segment, whichever room wrote it; a hidden file is one that was never finished being made."""
    files = (path for folder in ("spool", "segments") for path in (home / folder).rglob("*"))
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def _needs(connection: Connection, findings: list[Finding]) -> tuple[int, dict[Digest, _Needed]]:
    """How many events there are, and which objects those need that can be read."""
    needed: dict[Digest, _Needed] = defaultdict(lambda: _Needed(named_by=[], subjects=[]))
    count = 0
    for row in rows_of(connection):
        count += 1
        try:
            record = msgspec.json.decode(plain_bytes(row.record), type=Record)
            payload = None if row.value is None else plain_bytes(row.value)
            fact = fact_of(record, TYPES_BY_VERB[record.verb, record.v], payload)
            objects = list(fact.event.objects())
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError) as error:
            findings.append(Finding(what=f"event {row.seq} cannot be read: {error}"))
            continue
        if fact.event.subject() != record.subject:
            findings.append(Finding(what=f"event {row.seq} is not about what it says"))
        for digest in objects:
            needed[digest].named_by.append(f"event {row.seq} {record.verb} {record.subject}")
            needed[digest].subjects.append(record.subject)
            needed[digest].last = row.seq
    return count, needed


def _check_objects(
    context: Context, needed: dict[Digest, _Needed], findings: list[Finding], parts: int, part: int
) -> _Seen:
    """Read what is there and due, and miss what is not."""
    seen = _Seen()
    hurt: dict[Digest, str] = {}
    # Of no object and yet damage: what stands between objects in a pack, and what says where they are.
    packs = context.store.scrub(sample=0.0).containers
    findings += [Finding(what=f"The order of the pack '{name}' is damaged.") for name in packs]
    trees: dict[Digest, list[Digest]] = {}
    for digest in _digests(context, findings):
        seen.objects += 1
        try:
            if int(digest[-8:], 16) % parts == part:
                seen.size_bytes += context.store.verify(digest)
                seen.read += 1
            trees[digest] = members(context.store, digest)
        except ObjectMissing:
            seen.objects -= 1  # collected meanwhile
        except (Damaged, CollectionUnsafe) as error:
            hurt[digest] = error.what
    _hand_down(needed, trees)
    gone = [digest for digest in needed if digest not in trees and digest not in hurt]
    bucket = context.store.bucket
    # A copy here that nobody needs any more need not be there: who was about to need it again may be killed.
    unshipped = (
        [] if bucket is None else [each for each in needed if each in trees and not bucket.holds(each)]
    )
    # What was needed again since it was collected, its collection does not excuse.
    notes = collected(context, {each: needed[each].last for each in (*gone, *unshipped)})
    if bucket is not None:
        there = [digest for digest in needed if digest not in notes and digest not in gone]
        found = read_bucket(bucket, there, parts=parts, part=part)
        hurt = found.hurt | hurt
        findings += [Finding(what=what) for what in found.packs]
        seen.size_bytes += found.read_bytes
    seen.erased = sum(notes[each].reason.startswith(ERASED) for each in gone if each in notes)
    seen.collected = len(notes.keys() & set(gone)) - seen.erased
    missing = {each: ObjectMissing(each).what for each in gone if each not in notes}
    for digest, what in sorted((hurt | missing).items()):
        findings.append(_finding(context.read, digest, what, needed.get(digest, _Needed())))
    return seen


def _hand_down(needed: dict[Digest, _Needed], trees: dict[Digest, list[Digest]]) -> None:
    """What a tree holds is needed by whoever needs the tree."""
    todo = list(needed)
    while todo:
        tree = todo.pop()
        for member in trees.get(tree, []):
            known = needed.get(member)
            if known is None:
                needed[member] = msgspec.structs.replace(needed[tree])
            elif known.last < needed[tree].last:
                known.last = needed[tree].last
            else:
                continue
            todo.append(member)


def _finding(connection: Connection, digest: Digest, what: str, needed: _Needed) -> Finding:
    """What is wrong with an object, with the events that name it and what that touches."""
    concerns = concerned(connection, needed.subjects)
    return Finding(what=what, named_by=needed.named_by, concerns=concerns, digest=digest)


def _digests(context: Context, findings: list[Finding]) -> Iterator[Digest]:
    """Every object; a file among them that cannot be one is named."""
    for digest in context.store.digests():
        if _DIGEST.fullmatch(digest):
            yield digest
        else:
            findings.append(Finding(what=f"'{digest[:80]}' lies among the objects and is none"))
