"""The one rule of what is alive in the store.

An object is alive while at least one of these holds, and dead otherwise:

1. An event needs it (`Event.objects`), and retention has not given up that event's subject (`retention.py`).
   Holds, and all that is live, approved or on its way there, work through this: their subjects are not given
   up. Evidence, reports of jobs and sealed segments are events' objects like others.
2. An open run has kept it: its spool says so before an event does.
3. A job that was accepted and has not finished names it in its arguments.
4. It is young: put or renewed less than the grace period ago. Its event may be about to be written.
5. It is a member of a tree that is alive.

The step cache keeps nothing alive: its values lie in the cache itself, and what it says of objects is asked
of the store (`Store.renew`) before it is believed. Chunks and packs are the store's own business.
What may refer to objects and cannot be read stops everything: then nobody knows what is dead.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from ropeway.core.ids import Digest, RunId
from ropeway.keeping.errors import CollectionUnsafe
from ropeway.keeping.retention import GIVING_UP, given_up
from ropeway.keeping.settings import Retention
from ropeway.ledger import Ledger
from ropeway.ledger.event import TYPES_BY_CLASS
from ropeway.ledger.tables import event, event_payload
from ropeway.store import Store
from ropeway.store.errors import NotATree, ObjectDamaged, ObjectMissing
from ropeway.tracking.harvest import kept_artifacts
from ropeway.tracking.spool import FOLDER, SUFFIX, run_of
from ropeway.workspace import Context

TREE_BEGINS = b'{"entries":'
TREE_ENDS = b'"tree"}'
SURELY_READ_BYTES = 1 << 16
"""Up to here an object is read whole before it is said to be no tree: damage must not hide one."""

NEVER_REFERRED = "never-referred"
YOUNG = "young"
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Need(NamedTuple):
    """One event that needs an object."""

    seq: int
    verb: str
    subject: str


class Needs:
    """What every event needs, read once and carried on as events come; `upto` is the last that was read."""

    def __init__(self) -> None:
        self.upto = 0
        self.by_object: dict[Digest, list[Need]] = defaultdict(list)
        self.trees: dict[Digest, list[Digest]] = {}
        """What was looked into, and the members found; an object never changes."""
        self.missing: set[Digest] = set()
        """What should be there and is not; it may be a tree whose members nobody knows."""

    def read(self, ledger: Ledger, connection: Connection, *, last: int | None = None) -> None:
        """Read the events since the last time; none after `last`."""
        limit = None if last is None else max(0, last - self.upto)
        for fact in ledger.facts(connection, after=self.upto, limit=limit):
            verb, subject = TYPES_BY_CLASS[type(fact.event)].verb, fact.event.subject()
            for digest in fact.event.objects():
                self.by_object[digest].append(Need(fact.seq, verb, subject))
            self.upto = fact.seq


class Verdict(NamedTuple):
    """Every object that was ever referred to, by why it lives or for which policy it is dead."""

    alive: dict[Digest, str]
    given_up: dict[Digest, str]


def judge(context: Context, *, needs: Needs, settings: Retention) -> Verdict:
    """Apply the rule, but for youth, which each object tells itself.

    Args:
        context: where; its view of the ledger is gone by, and its clock.
        needs: what was read of the events so far; the rest is read now.
        settings: the retention.

    Raises:
        CollectionUnsafe: something that may refer to objects cannot be read.
    """
    # Spools before events: a run that ends writes its event first, and then removes its spool.
    # In a snapshot that was taken before, either may show it; under the write lock both do.
    store, connection = context.store, context.read
    spooled = dict(_of_open_runs(context.home))
    needs.read(context.ledger, connection)
    lost = given_up(connection, settings, context.clock.now())
    alive: dict[Digest, str] = {}
    dead: dict[Digest, str] = {}
    for digest, wanted in needs.by_object.items():
        keeper = next(
            (need for need in wanted if not (need.verb in GIVING_UP and need.subject in lost)), None
        )
        if keeper is None:
            dead[digest] = lost[wanted[-1].subject]
        else:
            alive[digest] = f"{keeper.verb} {keeper.subject}"
    alive |= {digest: f"open-run run:{run}" for digest, run in spooled.items()}
    alive |= {digest: f"open-job {job}" for digest, job in _of_open_jobs(connection)}
    alive = with_members(store, alive, needs)
    # Members go with the last tree that holds them, for the same reason.
    dead = {digest: policy for digest, policy in dead.items() if digest not in alive and store.has(digest)}
    dead = with_members(store, dead, needs)
    return Verdict(alive, {digest: policy for digest, policy in dead.items() if digest not in alive})


def young(store: Store, digests: Iterable[Digest], since: float, needs: Needs) -> dict[Digest, str]:
    """Those that were put or renewed since a time by the file system's clock, with what they hold."""
    spared = store.put_since(since)
    return with_members(store, {digest: YOUNG for digest in digests if digest in spared}, needs)


def members(store: Store, digest: Digest) -> list[Digest]:
    """What a tree holds; nothing for any other object.

    Raises:
        ObjectMissing: it is not there.
        CollectionUnsafe: it is damaged, and may be a tree.
    """
    if not store.may_be_tree(digest):
        return []
    head, tail = store.ends(digest)
    looks_so = head.startswith(TREE_BEGINS) or tail.endswith(TREE_ENDS)
    if not looks_so and store.size(digest) > SURELY_READ_BYTES:
        return []
    try:
        return list(store.read_tree(digest).values())
    except NotATree:
        return []
    except ObjectDamaged as error:
        raise CollectionUnsafe(error.what) from error


def with_members(store: Store, roots: Mapping[Digest, str], needs: Needs) -> dict[Digest, str]:
    """Some objects with all that the trees among them hold, for the same reason."""
    found = dict(roots)
    todo = list(found)
    while todo:
        digest = todo.pop()
        if digest not in needs.trees:
            try:
                needs.trees[digest] = members(store, digest)
            except ObjectMissing:
                needs.missing.add(digest)
                continue
        for member in needs.trees[digest]:
            if member not in found:
                found[member] = found[digest]
                todo.append(member)
    return found


def _of_open_runs(home: Path) -> Iterator[tuple[Digest, RunId]]:
    """What open runs have kept, and what spools that were set aside speak of."""
    for path in sorted((home / FOLDER).rglob(f"run_*{SUFFIX}")):
        run = run_of(path)
        try:
            kept, is_damaged = kept_artifacts(path)
        except FileNotFoundError:
            continue  # it has just ended: its event says the same
        if is_damaged and path.parent.name == FOLDER:
            raise CollectionUnsafe(f"the spool '{path}' of an open run is damaged")
        yield from ((digest, run) for digest in kept)


def _of_open_jobs(connection: Connection) -> Iterator[tuple[Digest, str]]:
    finished = select(event.c.subject).where(event.c.verb == "job-finished")
    query = (
        select(event.c.subject, event_payload.c.value)
        .join(event_payload, event_payload.c.event_id == event.c.id)
        .where(event.c.verb == "job-accepted", event.c.subject.not_in(finished))
    )
    for row in connection.execute(query):
        yield from ((Digest(found.decode()), row.subject) for found in _DIGEST.findall(row.value))
