"""Bringing from a depot what a store lacks: ranges of packs, several on their way at once.

Contract: nothing is believed that was not held against its digest, chunk by chunk and then as a whole. What
is damaged there is named, and what is sound beside it is kept. Killed anywhere, what was kept is not brought
again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import blake3

from ropeway.core.ids import Digest
from ropeway.store import coding
from ropeway.store.coding import Undecodable
from ropeway.store.depot.index import AT_ONCE, Place, pack_blob
from ropeway.store.depot.transfer import Brought, Tick
from ropeway.store.errors import BadRange, BlobMissing, DepotDamaged, DepotLacks, ObjectDamaged
from ropeway.store.pack_format import CHUNK, HEADER_BYTES, OBJECT, RECIPE, header_of
from ropeway.store.recipes import Recipe, recipe_of
from ropeway.store.threads import threads

if TYPE_CHECKING:
    from ropeway.store.depot.depot import Depot
    from ropeway.store.objects import Store

SPAN_BYTES = 8 << 20
GAP_BYTES = 64 << 10
"""What lies so near is read along rather than asked for anew."""
KEPT_AFTER_BYTES = 32 << 20
"""So often what came is made durable: a kill costs no more."""
ROUNDS = 3
"""A collection may take chunks that no recipe names yet; then they are brought once more."""


class Span(NamedTuple):
    """A range of a pack, and what in it is wanted."""

    pack: str
    start: int
    length: int
    places: list[Place]


def bring(
    depot: "Depot", store: "Store", digests: Iterable[Digest], *, doubtful: bool, tick: Tick
) -> Brought:
    """Bring objects here that are not; see the module.

    Args:
        depot: from where.
        store: to where.
        digests: which; those that are here are only renewed.
        doubtful: read what is here first, and bring what is damaged too.
        tick: told of the bytes on the way.

    Raises:
        DepotLacks: an object is not there. Nothing was brought.
        DepotDamaged: some are damaged there. The others were brought.
    """
    wanted = [each for each in dict.fromkeys(digests) if not _is_here(store, each, doubtful=doubtful)]
    small, large = _sorted_out(depot, wanted)
    read, hurt = 0, dict[bytes, str]()
    recipes: dict[bytes, Recipe] = {}
    for place, stored in _contents(depot, large, hurt):
        read += place.entry.stored
        recipe = recipe_of(stored)
        if recipe is None or recipe.length != place.entry.raw:
            hurt[place.entry.digest] = place.pack
        else:
            recipes[place.entry.digest] = recipe
    for _ in range(ROUNDS):
        chunks = _missing_chunks(depot, store, recipes, hurt, doubtful=doubtful)
        read += _take(depot, store, [*small, *chunks], hurt, tick)
        small = []
        recipes = _unmade(store, recipes, hurt)
        if not recipes:
            break
    hurt |= dict.fromkeys(recipes, "")
    if hurt:
        # Of a damaged chunk, the object is named that it belongs to.
        named = sorted(each for each in wanted if bytes.fromhex(each) in hurt)
        raise DepotDamaged(depot.where, named, sorted({*hurt.values()} - {""}))
    return Brought(objects=len(wanted), read_bytes=read)


def read_place(depot: "Depot", place: Place) -> bytes | None:
    """What lies at one place, verified: the raw bytes, or a recipe's; None where it is damaged."""
    span = _span([place])
    return _content(span, place, _get(depot, span))


def _unmade(store: "Store", recipes: dict[bytes, Recipe], hurt: dict[bytes, str]) -> dict[bytes, Recipe]:
    """Make objects of their chunks; gives those of which a chunk is not here."""
    left: dict[bytes, Recipe] = {}
    for digest, recipe in recipes.items():
        try:
            if digest not in hurt and not store.assemble(Digest(digest.hex()), recipe):
                left[digest] = recipe
        except ObjectDamaged:
            # A recipe that reads as one, and is another's.
            hurt[digest] = ""
    return left


def _is_here(store: "Store", digest: Digest, *, doubtful: bool) -> bool:
    if not store.renew(digest):
        return False
    return not doubtful or store.is_sound(digest)


def _sorted_out(depot: "Depot", wanted: list[Digest]) -> tuple[list[Place], list[Place]]:
    """Where small objects and recipes lie."""
    small: list[Place] = []
    large: list[Place] = []
    lacking: list[Digest] = []
    for digest in wanted:
        found = depot.index.find(bytes.fromhex(digest), OBJECT, RECIPE)
        if not found:
            lacking.append(digest)
        else:
            (small if found[0].entry.kind == OBJECT else large).append(found[0])
    if lacking:
        raise DepotLacks(depot.where, lacking)
    return small, large


def _missing_chunks(
    depot: "Depot", store: "Store", recipes: dict[bytes, Recipe], hurt: dict[bytes, str], *, doubtful: bool
) -> list[Place]:
    """Where the chunks lie that are not here; a recipe whose chunk is nowhere is hurt."""
    places: dict[bytes, Place] = {}
    for digest, recipe in recipes.items():
        for part in recipe.parts:
            is_here = (
                store.packed.read_chunk(part.digest) is not None
                if doubtful
                else store.packed.has_chunk(part.digest)
            )
            if is_here or part.digest in places:
                continue
            found = depot.index.find(part.digest, CHUNK)
            if not found:
                hurt[digest] = ""
                break
            places[part.digest] = found[0]
    return list(places.values())


def _take(depot: "Depot", store: "Store", places: list[Place], hurt: dict[bytes, str], tick: Tick) -> int:
    """Keep objects and chunks as they come; gives the bytes that travelled."""
    whole, read = sum(place.entry.stored for place in places), 0
    batch: list[tuple[Place, bytes]] = []
    unkept = 0
    for place, data in _contents(depot, places, hurt):
        batch.append((place, data))
        unkept += len(data)
        read += place.entry.stored
        tick(read, whole)
        if unkept >= KEPT_AFTER_BYTES:
            _keep(store, batch)
            batch, unkept = [], 0
    _keep(store, batch)
    return read


def _keep(store: "Store", batch: list[tuple[Place, bytes]]) -> None:
    """Make what came durable. Only here the gate is held: who removes must not wait for a network."""
    packed: list[tuple[Place, bytes]] = []
    for place, data in batch:
        # A file that is damaged is replaced, or it would still be found damaged.
        if place.entry.kind == OBJECT and store.loose.path(place.entry.digest.hex()).exists():
            store.put(data)
        else:
            packed.append((place, data))
    with store.gate.putting(), store.intake() as intake:
        for place, data in packed:
            if place.entry.kind == CHUNK:
                intake.take_chunk(data)
            else:
                intake.take(data)
        intake.commit()


def _contents(depot: "Depot", places: list[Place], hurt: dict[bytes, str]) -> Iterator[tuple[Place, bytes]]:
    """What lies at some places, verified; what is damaged there is tried elsewhere, and else is hurt."""
    spans = _spans(places)
    with threads(AT_ONCE, "depot-bring") as pool:
        for first in range(0, len(spans), AT_ONCE):
            part = spans[first : first + AT_ONCE]
            for span, data in zip(part, pool.map(lambda each: _get(depot, each), part), strict=True):
                for place in span.places:
                    found = _content(span, place, data)
                    if found is None:
                        found = _elsewhere(depot, place)
                    if found is None:
                        hurt[place.entry.digest] = place.pack
                    else:
                        yield place, found


def _elsewhere(depot: "Depot", place: Place) -> bytes | None:
    """Another sound copy of what is damaged at a place."""
    depot.index.doubt([place])
    others = list(depot.index.find(place.entry.digest, place.entry.kind))
    return next((data for other in others if (data := read_place(depot, other)) is not None), None)


def _spans(places: list[Place]) -> list[Span]:
    """Few ranges that hold all places."""
    by_pack: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        by_pack[place.pack].append(place)
    spans: list[Span] = []
    for found in by_pack.values():
        near: list[Place] = []
        for place in sorted(found, key=lambda each: each.entry.offset):
            if near and (
                place.entry.offset - near[-1].entry.end > GAP_BYTES
                or place.entry.end - near[0].entry.offset > SPAN_BYTES
            ):
                spans.append(_span(near))
                near = []
            near.append(place)
        spans.append(_span(near))
    return spans


def _span(places: list[Place]) -> Span:
    start = places[0].entry.offset
    return Span(places[0].pack, start, places[-1].entry.end - start, places)


def _get(depot: "Depot", span: Span) -> bytes | None:
    try:
        return depot.backend.get_range(pack_blob(span.pack), span.start, span.length)
    except (BlobMissing, BadRange):
        return None


def _content(span: Span, place: Place, data: bytes | None) -> bytes | None:
    """An entry's raw bytes, or a recipe's; None where anything of it is not what was written."""
    entry, at = place.entry, place.entry.offset - span.start
    if data is None or data[at : at + HEADER_BYTES] != header_of(entry):
        return None
    stored = data[at + HEADER_BYTES : at + HEADER_BYTES + entry.stored]
    if len(stored) != entry.stored or coding.check(entry.coding, stored) != entry.crc:
        return None
    if entry.kind == RECIPE:
        return stored if recipe_of(stored) is not None else None
    try:
        raw = coding.decode(entry.coding, stored, entry.raw)
    except Undecodable:
        return None
    return raw if blake3.blake3(raw).digest() == entry.digest else None
