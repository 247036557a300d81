"""The backend's side of a store there: what it has, as it was seen lately.

Contract: what is here counts as there, and will be there for some time yet, when it was seen unmarked less
than `SEEN_FOR_S` ago. A collection removes nothing that it has not marked for hours (`collect`), so whoever
relies on what they saw has written by then, or looks again and sees the mark. Nothing is asked of the network
before something is needed from there. Safe for several threads.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, new_id
from ropeway.store.backends import Backend
from ropeway.store.bucket.chunks import recipes_of
from ropeway.store.bucket.notes import ERASED, GOING, MOVED, Erasures, Mark, Moved, Notes
from ropeway.store.depot import Brought, Checked, Depot
from ropeway.store.depot.check import check
from ropeway.store.depot.index import OWNER, Place
from ropeway.store.depot.salt import may_hold_trees
from ropeway.store.depot.transfer import Tick, silent
from ropeway.store.errors import (
    BackendUnavailable,
    DepotDamaged,
    DepotLacks,
    StoreElsewhere,
    StoreEmptied,
    StoreTaken,
)
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE

if TYPE_CHECKING:
    from ropeway.store.objects import Store

SEEN_FOR_S = 600.0
"""So long, what was seen is relied on."""
MISSED_FOR_S = 1.0
"""So long, what was not seen is taken to be absent, where that costs no more than bringing it again."""
AWAY_FOR_S = 3.0
"""So long after it could not be reached it is not tried again: a command fails once and not at each step."""
AHEAD_BYTES = 4 << 20
"""So much is read along with an object that is asked for by itself."""
REFS = "refs"
T = TypeVar("T")


class Bucket:
    """The objects of a store at a backend.

    Args:
        where: its address, for people.
        connect: opens the backend; called when it is first needed.
        here: the local store.
        owner: the id of the ledger that refers to what is there; None where that is not known.
        was_used: whether this workspace has brought something there before.
        note_used: called when it has; None for one to which objects are only being moved.
    """

    def __init__(
        self,
        where: str,
        connect: Callable[[], Backend],
        here: "Store",
        *,
        owner: Callable[[], str | None],
        was_used: bool = False,
        note_used: Callable[[], None] | None,
    ) -> None:
        self.where = where
        self._connect = connect
        self._here = here
        self._owner = owner
        self._was_used = was_used
        self._note_used = note_used
        self._lock = threading.RLock()
        self._depot: Depot | None = None
        self._notes: Notes | None = None
        self._seen_at: tuple[float, float] | None = None
        self._failed: tuple[float, RopewayError] | None = None
        self._is_claimed = False

    def view(self, age_s: float = SEEN_FOR_S) -> Depot:
        """What is there, seen no longer ago than that.

        Raises:
            BackendUnavailable: it cannot be reached.
            BackendMissing: the extra for it is not installed.
            DepotNewer: a newer version wrote it.
            StoreEmptied: nothing is there any more.
            StoreElsewhere: it was moved.
        """
        with self._lock:
            if self._depot is None or self._age() > age_s:
                self._look()
            assert self._depot is not None, "a look gives a depot, or raises"
            return self._depot

    def look(self) -> Depot:
        """What is there now."""
        return self.view(-1.0)

    @property
    def notes(self) -> Notes:
        """What is said there besides objects."""
        self.view()
        assert self._notes is not None, "made with the depot"
        return self._notes

    def has(self, digest: Digest) -> bool:
        """Whether an object is there and stays: what may be referred to."""
        return self.view().has(digest)

    def holds(self, digest: Digest, *, age_s: float = MISSED_FOR_S) -> bool:
        """Whether an object can be read there; looks again where it was not seen."""
        return bool(_places(self.view(), digest) or _places(self.view(age_s), digest))

    def size(self, digest: Digest) -> int | None:
        """An object's length in bytes; None where it is not there."""
        found = _places(self.view(), digest) or _places(self.view(MISSED_FOR_S), digest)
        return found[0].entry.raw if found else None

    def digests(self) -> Iterator[Digest]:
        """Every object that can be read there now."""
        index = self.look().index
        for kind in (OBJECT, RECIPE):
            yield from (Digest(digest.hex()) for digest, _ in list(index.all_of(kind)))

    def may_be_tree(self, digest: Digest) -> bool:
        """Whether an object lies where trees do; others need not be read to know that they are none."""
        depot = self.view()
        return any(may_hold_trees(depot.index.packs.get(place.pack, ())) for place in _places(depot, digest))

    def around(self, digest: Digest) -> list[Digest]:
        """An object with those that lie behind it in its pack: what was put together is read together."""
        depot = self.view()
        for place in _places(depot, digest):
            behind = [
                Digest(entry.digest.hex())
                for entry in depot.index.packs.get(place.pack, ())
                if entry.kind == OBJECT and 0 <= entry.offset - place.entry.offset < AHEAD_BYTES
            ]
            return [digest, *behind]
        return [digest]

    def bring(self, digests: Iterable[Digest], *, doubtful: bool = False) -> Brought:
        """Bring here what is not, verified; looked for anew where it is not found.

        Raises:
            DepotLacks: one is not there. Nothing was brought.
            DepotDamaged: some are damaged there. The others were brought.
        """
        wanted = list(digests)
        try:
            return self.view().bring(self._here, wanted, doubtful=doubtful)
        except (DepotLacks, DepotDamaged):
            # Others may have brought it, or packs were written anew, since the last look.
            return self._guarded(lambda: self.look().bring(self._here, wanted, doubtful=doubtful))

    def send(self, store: "Store", digests: list[Digest], *, are_trees: bool) -> None:
        """Bring there what it lacks.

        Raises:
            StoreTaken: another ledger refers to what is there.
        """
        self.claim()
        while True:
            depot = self.view()
            self._guarded(partial(depot.send, store, digests, are_trees=are_trees))
            # In what took so long, pieces that were there when it began may have been marked.
            if self._age() <= SEEN_FOR_S:
                return

    def claim(self) -> None:
        """Say whose it is, once.

        Raises:
            StoreTaken: another's, or a remote.
        """
        owner = None if self._is_claimed else self._owner()
        if owner is None:
            return
        depot = self.look()
        ours = digest_bytes(owner.encode()) + OWNER
        owners = {name for name in depot.index.notes if name.endswith(OWNER)}
        if owners - {ours}:
            raise StoreTaken(self.where, "the objects of another workspace")
        if not owners:
            if next(iter(depot.backend.list(REFS)), None) is not None:
                raise StoreTaken(self.where, "a remote, with versions that others fetch")
            depot.mark()
            self.notes.put_name(ours)
        if self._note_used is not None and not self._was_used:
            self._note_used()
        self._is_claimed = self._was_used = True

    def erase(self, erased: dict[Digest, str]) -> None:
        """Take objects away at once, for good, and say so to those who have copies."""
        self.claim()
        if erased:
            self.notes.put(Erasures(erased), ERASED)
            self.look().remove(self._here.scratch, erased)

    def probe(self) -> float:
        """Write, read and remove a few bytes there; gives the seconds that took.

        Raises:
            BackendUnavailable: one of it cannot be done.
        """
        backend, name, data = self.look().backend, f"probe/{new_id('probe')}", b"ropeway"
        began = time.monotonic()
        backend.put(name, data)
        if backend.get(name) != data:
            raise BackendUnavailable(self.where, "it does not give back what it was given")
        backend.delete(name)
        return time.monotonic() - began

    def check(self, is_chosen: Callable[[str], bool] = lambda _pack: True, *, tick: Tick = silent) -> Checked:
        """Read every byte of the packs there, or of some, and say what is damaged."""
        depot = self.look()
        return check(depot, sorted(filter(is_chosen, depot.index.packs)), tick=tick)

    def objects_of(self, pieces: Iterable[Digest]) -> set[Digest]:
        """The objects there that are, or are made of, some objects or chunks."""
        depot, wanted = self.view(), {bytes.fromhex(piece) for piece in pieces}
        if not wanted:
            return set()
        found = {digest for digest in wanted if depot.index.find(digest, OBJECT, RECIPE)}
        # What a check found damaged counts as not there, and is named all the same.
        found |= {
            entry.digest
            for entries in depot.index.packs.values()
            for entry in entries
            if entry.kind != CHUNK and entry.digest in wanted
        }
        for digest, recipe in recipes_of(depot, self._here).items():
            if recipe is None or wanted & {part.digest for part in recipe.parts}:
                found.add(digest)
        return {Digest(digest.hex()) for digest in found}

    def heal(self, here: "Store", digests: list[Digest]) -> None:
        """Bring there again what is sound here, and write damaged packs anew of which nothing is lost."""
        self.claim()
        found = self.check()
        depot = self.view()
        # Whether one is a tree is not asked: where trees may be, others do no harm.
        depot.send(here, digests, are_trees=True)
        whole = {
            pack: hurt
            for pack, hurt in found.damaged.items()
            if all(depot.index.has(bytes.fromhex(each), OBJECT, CHUNK, RECIPE) for each in hurt)
        }
        depot.drop_damaged(here.scratch, msgspec.structs.replace(found, damaged=whole))

    def leave(self, to: str, now: float) -> None:
        """Say that the store is elsewhere now."""
        self.notes.put(Moved(to, now), MOVED)

    def welcome(self) -> None:
        """Say that the store is here, wherever it was said to be."""
        self.claim()
        for name in [each for each in self.look().index.notes if each.endswith(MOVED)]:
            self.notes.drop(name)

    def _look(self) -> None:
        if self._failed is not None and time.monotonic() - self._failed[0] < AWAY_FOR_S:
            raise self._failed[1]
        began = time.monotonic(), time.time()
        self._guarded(self._open if self._depot is None else self._depot.look)
        assert self._depot is not None, "it was opened"
        if self._was_used and not self._depot.is_marked:
            self._depot = None
            raise StoreEmptied(self.where)
        notes, index = self._notes, self._depot.index
        assert notes is not None, "made with the depot"
        marks, erasures, moves = self._guarded(
            lambda: (
                notes.all(index, Mark, GOING),
                notes.all(index, Erasures, ERASED),
                notes.all(index, Moved, MOVED),
            )
        )
        if moves and self._note_used is not None:
            last = max(moves.values(), key=lambda each: each.at)
            raise StoreElsewhere(last.to, self.where)
        index.going = {
            (pack, entries[at].kind, entries[at].digest)
            for mark in marks.values()
            for pack, places in mark.dead.items()
            if (entries := index.packs.get(pack)) is not None
            for at in places
            if at < len(entries)
        }
        known = self._here.erased.all()
        news = {each: name for note in erasures.values() for each, name in note.erased.items()}
        if news.keys() - known.keys():
            self._here.erased.add(news)
        self._seen_at = began

    def _open(self) -> None:
        backend = self._connect()
        self._depot = Depot(backend, self.where, self._here.cache, is_store=True)
        self._notes = Notes(backend)

    def _age(self) -> float:
        """Seconds since the last look: by the clock that counts more, for one may stand still in sleep."""
        if self._seen_at is None:
            return float("inf")
        return max(time.monotonic() - self._seen_at[0], time.time() - self._seen_at[1])

    def _guarded(self, work: Callable[[], T]) -> T:
        """Do it; what cannot be reached is not asked again at once."""
        try:
            return work()
        except BackendUnavailable as error:
            self._failed = time.monotonic(), error
            raise


def _places(depot: Depot, digest: Digest) -> list[Place]:
    return depot.index.find(bytes.fromhex(digest), OBJECT, RECIPE)
