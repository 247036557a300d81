"""Throwing away at a backend that knows no compare-and-swap: marked first, removed hours later.

A mark names places, not objects: this entry of that pack. Whoever brings an object treats a marked place as
absent and brings it anew, in a pack that is like no other (`depot.salt`), which no older mark names. So what
comes after the mark stays whatever happens to what was marked. What was relied on before the mark was
referred to long before the grace is over, and is alive when it is looked at again.

All marks of a collection are one blob: an object and the chunks and trees around it are marked together, and
with them the packs that no index names (`strays`).
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec

from ropeway.core.ids import Digest
from ropeway.store.bucket.chunks import Chunks, chunks_of, recipes_of
from ropeway.store.bucket.notes import GOING, Mark
from ropeway.store.bucket.strays import drop_strays, packs_at, strays_among
from ropeway.store.depot.purge import rewrite
from ropeway.store.depot.salt import is_salt
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry

if TYPE_CHECKING:
    from ropeway.store.bucket.bucket import Bucket
    from ropeway.store.depot import Depot
    from ropeway.store.objects import Store


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection did at the backend.

    Attributes:
        marked: objects that will go if they are still dead after the grace.
        removed: objects that were marked so long ago, and went.
        freed_bytes: bytes there less.
    """

    marked: int = 0
    removed: int = 0
    freed_bytes: int = 0


def unripe(bucket: "Bucket", dead: Collection[Digest], *, before: float) -> set[Digest]:
    """Those of some dead objects that lie there and were not marked as early as that; as of the last look."""
    depot = bucket.view()
    ripe = _places(depot, _marks(bucket, before=before).values())
    return {
        digest
        for digest in dead
        if any(
            (place.pack, place.entry.kind, place.entry.digest) not in ripe
            for place in depot.index.find(bytes.fromhex(digest), OBJECT, RECIPE)
        )
    }


def sweep(
    bucket: "Bucket",
    here: "Store",
    *,
    dead: Collection[Digest],
    may_go: Collection[Digest],
    now: float,
    before: float,
) -> Swept:
    """Remove what was marked long ago and is dead still, and mark what is dead now.

    One at a time. Killed anywhere, nothing that is alive is gone, and the next one does the rest.

    Args:
        bucket: where.
        here: the local store, for recipes that are here too, and for scratch.
        dead: every object there that nothing needs, judged after the last look and alone.
        may_go: those of them that were put on record and that no unripe tree holds.
        now: the time, by the ledger's clock.
        before: when a mark must have been made to count by now.

    Raises:
        BackendUnavailable: it could not be done now; repeat it.
    """
    listed = packs_at(bucket.view())
    depot = bucket.look()
    strays = strays_among(depot, listed)
    ripe = _marks(bucket, before=before)
    gone, doomed = _raw(may_go), _raw(dead)
    recipes = recipes_of(depot, here)
    needed = chunks_of(recipes, but=gone)
    going = _places(depot, ripe.values())
    freed, removed = 0, set[bytes]()
    for pack in sorted({place[0] for place in going}):
        entries = depot.index.packs[pack]
        leave = {
            entry
            for entry in entries
            if (pack, entry.kind, entry.digest) in going
            and (entry.digest not in needed if entry.kind == CHUNK else entry.digest in gone)
        }
        if leave:
            removed |= {entry.digest for entry in leave if entry.kind != CHUNK}
            kept = [each for each in entries if each not in leave and not _is_idle_salt(each, needed)]
            freed += rewrite(depot, here.scratch, pack, kept)
    freed += drop_strays(depot, strays, {pack for mark in ripe.values() for pack in mark.dead})
    marked = _mark(bucket, depot, doomed, chunks_of(recipes, but=doomed), strays, now, but=ripe)
    for name in ripe:
        bucket.notes.drop(name)
    bucket.look()
    return Swept(marked=marked, removed=len(removed), freed_bytes=freed)


def _mark(
    bucket: "Bucket",
    depot: "Depot",
    doomed: set[bytes],
    needed: Chunks,
    strays: Collection[str],
    now: float,
    *,
    but: Mapping[str, Mark],
) -> int:
    """Say what is dead and not said to be yet, but by marks that are spent; gives how many objects."""
    every = bucket.notes.all(depot.index, Mark, GOING)
    others = [mark for name, mark in every.items() if name not in but]
    said = _places(depot, others)
    dead: dict[str, list[int]] = {
        pack: [] for pack in sorted(strays) if not any(pack in mark.dead for mark in others)
    }
    objects = set[bytes]()
    for pack, entries in depot.index.packs.items():
        is_dead = [
            entry.digest not in needed if entry.kind == CHUNK else entry.digest in doomed for entry in entries
        ]
        # The salt alone is no reason to write a pack anew.
        if not any(hit and not is_salt(entry) for hit, entry in zip(is_dead, entries, strict=True)):
            continue
        places = [
            at
            for at, entry in enumerate(entries)
            if is_dead[at] and (pack, entry.kind, entry.digest) not in said
        ]
        if any(not is_salt(entries[at]) for at in places):
            dead[pack] = places
            objects |= {entries[at].digest for at in places if entries[at].kind != CHUNK}
    if dead:
        bucket.notes.put(Mark(now, dead), GOING)
    return len(objects)


def _marks(bucket: "Bucket", *, before: float) -> dict[str, Mark]:
    every = bucket.notes.all(bucket.view().index, Mark, GOING)
    return {name: mark for name, mark in every.items() if mark.at <= before}


def _places(depot: "Depot", marks: "Collection[Mark]") -> set[tuple[str, int, bytes]]:
    """What marks name, of the packs that are there still: pack, kind and digest."""
    return {
        (pack, entries[at].kind, entries[at].digest)
        for mark in marks
        for pack, places in mark.dead.items()
        if (entries := depot.index.packs.get(pack)) is not None
        for at in places
        if at < len(entries)
    }


def _is_idle_salt(entry: Entry, needed: Chunks) -> bool:
    return is_salt(entry) and entry.digest not in needed


def _raw(digests: Collection[Digest]) -> set[bytes]:
    return {bytes.fromhex(digest) for digest in digests}
