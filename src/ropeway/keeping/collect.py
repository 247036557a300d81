"""Throwing away what nothing keeps: looked for beside writers, put on record, then removed.

The order makes it safe. What is dead is found in a snapshot, without any lock. The event that names it is
durable before the first object goes, so what is missing later can be accounted for. Each part is removed
under the write lock, after the rule was applied again to what has happened since; an event that needs an
object is appended under the same lock and only while the object is there (`Context.append`). What writers put
again meanwhile is young, and stays. A kill leaves some of the named objects, which the next collection takes.

Where the store is in a bucket, which knows no lock of ours, what is dead is only marked there, and goes with
a later collection, once it was marked for as long as the grace: `store.bucket.collect`.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select

from ropeway.core.clock import from_text
from ropeway.core.duration import duration_text, parse_duration
from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest, new_id
from ropeway.keeping.erase.known import erased_objects
from ropeway.keeping.errors import CollectionUnsafe, GraceTooShort
from ropeway.keeping.events import Collected, Share
from ropeway.keeping.liveness import NEVER_REFERRED, Needs, judge, with_members, young
from ropeway.keeping.projections import collection
from ropeway.keeping.settings import Retention, retention_of
from ropeway.ledger import person
from ropeway.store import Store
from ropeway.store.bucket import Bucket
from ropeway.store.bucket.collect import sweep, unripe
from ropeway.store.errors import ObjectMissing
from ropeway.store.objects import RENEWED_AFTER_S
from ropeway.workspace import Context

LEAST_GRACE = timedelta(seconds=2 * RENEWED_AFTER_S)
ERASED = "erased under "
"""So the reason begins for what was erased and not collected."""
COLLECTING = "collection in a bucket"
REMOVED_AT_ONCE = 2_000
"""So many objects go in one write transaction; writers take turns with it."""


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection found, and what it did.

    Attributes:
        collection: its id; empty when nothing was removed.
        dry_run: whether nothing was to be removed.
        kept: what is alive, by why: the verb of an event that needs it, `open-run`, `open-job`, `young`.
        dead: what is not, by why: `never-referred`, or the setting that gave it up.
        marked: of a store in a bucket, how many will go there with a collection after the grace.
        removed: how many objects went.
        freed_bytes: how many bytes that freed.
        grace_s: how old an object had to be.
    """

    collection: str = ""
    dry_run: bool
    kept: list[Share]
    dead: list[Share]
    marked: int = 0
    removed: int = 0
    freed_bytes: int = 0
    grace_s: int


class CollectedNote(msgspec.Struct, frozen=True, kw_only=True):
    """When, for what reason and by whom an object was collected or erased."""

    at: datetime
    by: str
    reason: str


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    alive: dict[Digest, str]
    dead: dict[Digest, str]


def collect(context: Context, *, grace: str, dry_run: bool) -> Collection:
    """Find what is dead, and remove it unless this is a dry run; see the module.

    Raises:
        GraceTooShort: objects could go before the event that names them was written.
        CollectionUnsafe: something that may refer to objects cannot be read.
        ProjectInvalid: `[retention]` does not read.
    """
    length = _grace(grace)
    settings = retention_of(context.project, context.root)
    since = time.time() - length.total_seconds()
    needs = Needs()
    plan = _plan(context, needs, settings, since)
    sizes = _sizes(context.store, [*plan.alive, *plan.dead])
    found = Collection(
        dry_run=dry_run,
        kept=_shares(plan.alive, sizes),
        dead=_shares(plan.dead, sizes),
        grace_s=round(length.total_seconds()),
    )
    bucket = context.store.bucket
    if dry_run or (not plan.dead and bucket is None):
        return found
    if bucket is None:
        return _take(context, found, plan.dead, needs, settings, since)
    with _alone(context):
        return _take_in_turns(context, bucket, found, plan, needs, settings, length)


def _take(
    context: Context,
    found: Collection,
    dead: dict[Digest, str],
    needs: Needs,
    settings: Retention,
    since: float,
) -> Collection:
    """Put on record what goes, and remove it here."""
    if not dead:
        return found
    sizes = _sizes(context.store, dead)
    shares = _shares(dead, sizes)
    name = new_id("gc")
    with context.again() as writing:
        writing.append(
            Collected(
                collection=name,
                count=len(dead),
                size_bytes=sum(share.size_bytes for share in shares),
                shares=shares,
                grace_s=found.grace_s,
                listed=context.store.put(msgspec.json.encode(dead, order="deterministic")),
            )
        )
    removed, freed = _remove(context, dead, needs, settings, since)
    return msgspec.structs.replace(found, collection=name, removed=removed, freed_bytes=freed)


def _take_in_turns(
    context: Context,
    bucket: Bucket,
    found: Collection,
    plan: _Plan,
    needs: Needs,
    settings: Retention,
    grace: timedelta,
) -> Collection:
    """Take what was marked long ago in a bucket, or was never there; mark there what is dead now."""
    with context.again() as look:
        now = context.ledger.now(look.read).timestamp()
    since, before = time.time() - grace.total_seconds(), now - grace.total_seconds()
    waiting = unripe(bucket, plan.dead, before=before)
    # What a tree holds that stays for now, stays with it.
    waiting |= with_members(context.store, dict.fromkeys(waiting, ""), needs).keys() & plan.dead.keys()
    going = {digest: why for digest, why in plan.dead.items() if digest not in waiting}
    taken = _take(context, found, going, needs, settings, since)
    with context.again() as writing:
        writing.begin(alone=True)
        alive = judge(writing, needs=needs, settings=settings).alive
    dead = plan.dead.keys() - alive.keys()
    swept = sweep(bucket, context.store, dead=dead, may_go=dead & going.keys(), now=now, before=before)
    return msgspec.structs.replace(
        taken, marked=swept.marked, freed_bytes=taken.freed_bytes + swept.freed_bytes
    )


@contextlib.contextmanager
def _alone(context: Context) -> Iterator[None]:
    """One collection in a bucket at a time: two would both write the same packs anew."""
    hold = context.ledger.try_hold(COLLECTING)
    if hold is None:
        raise CollectionUnsafe("another one is at work in the same bucket")
    try:
        yield
    finally:
        hold.release()


def collected(
    context: Context, digests: Iterable[Digest] | Mapping[Digest, int]
) -> dict[Digest, CollectedNote]:
    """Those of some missing objects that went on purpose, with when and why; the last time counts.

    Args:
        context: the call.
        digests: which; as a mapping, each with the number of the last event that needs it: a collection
            before that does not count.
    """
    wanted = set(digests)
    since = digests if isinstance(digests, Mapping) else {}
    notes: dict[Digest, CollectedNote] = {}
    if not wanted:
        return notes
    for digest, erased in erased_objects(context).items():
        if digest in wanted:
            reason = f"{ERASED}{erased.certificate}"
            notes[digest] = CollectedNote(at=erased.at, by=erased.by, reason=reason)
    query = select(collection, person.c.name).outerjoin(person, person.c.id == collection.c.by)
    wanted -= notes.keys()
    for row in context.read.execute(query.order_by(collection.c.seq)):
        try:
            listed = msgspec.json.decode(context.store.read(row.listed), type=dict[Digest, str])
        except Damaged:
            continue  # fsck names the list itself
        for digest in wanted & listed.keys():
            if row.seq < since.get(digest, 0):
                continue
            notes[digest] = CollectedNote(at=from_text(row.at), by=row.name or row.by, reason=listed[digest])
    return notes


def _grace(text: str) -> timedelta:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise GraceTooShort(text, duration_text(LEAST_GRACE)) from error
    if length < LEAST_GRACE:
        raise GraceTooShort(text, duration_text(LEAST_GRACE))
    return length


def _plan(context: Context, needs: Needs, settings: Retention, since: float) -> _Plan:
    """What is alive and what is dead, by one snapshot of the ledger."""
    store = context.store
    verdict = judge(context, needs=needs, settings=settings)
    unknown = {digest for digest in needs.missing if not store.has(digest)}
    unknown -= collected(context, unknown).keys()
    if unknown:
        first = min(unknown)
        raise CollectionUnsafe(f"{ObjectMissing(first).what} It is needed by {verdict.alive[first]}")
    there = set(store.digests())
    others = there - verdict.alive.keys()
    spared = young(store, others, since, needs)
    return _Plan(
        alive={digest: why for digest, why in (spared | verdict.alive).items() if digest in there},
        dead={
            digest: verdict.given_up.get(digest, NEVER_REFERRED) for digest in sorted(others - spared.keys())
        },
    )


def _remove(
    context: Context, named: Iterable[Digest], needs: Needs, settings: Retention, since: float
) -> tuple[int, int]:
    """Remove what is still dead, part by part; gives how many objects, and how many bytes."""
    dead, removed, freed = list(named), 0, 0
    for first in range(0, len(dead), REMOVED_AT_ONCE):
        with context.again() as writing:
            writing.begin(alone=True)
            alive = judge(writing, needs=needs, settings=settings).alive
            part = [digest for digest in dead[first : first + REMOVED_AT_ONCE] if digest not in alive]
            freed += context.store.remove(part, put_before=since)
            removed += sum(not context.store.has_copy(digest) for digest in part)
    return removed, freed


def _sizes(store: Store, digests: Iterable[Digest]) -> dict[Digest, int]:
    sizes: dict[Digest, int] = {}
    for digest in digests:
        try:
            sizes[digest] = store.size(digest)
        except ObjectMissing:
            sizes[digest] = 0
    return sizes


def _shares(reasons: Mapping[Digest, str], sizes: Mapping[Digest, int]) -> list[Share]:
    """Objects and bytes by reason, the largest first. What an event needs goes by its verb."""
    counted: dict[str, list[int]] = defaultdict(list)
    for digest, why in reasons.items():
        counted[why if " = " in why else why.partition(" ")[0]].append(sizes[digest])
    shares = [Share(reason=why, objects=len(found), size_bytes=sum(found)) for why, found in counted.items()]
    return sorted(shares, key=lambda share: (-share.size_bytes, share.reason))
