"""What lies in a depot, by its indexes: small blobs that never change, and so are read once for all."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ropeway.store.backends import Backend
from ropeway.store.cache import Cache
from ropeway.store.errors import BlobMissing
from ropeway.store.pack_format import FOOTER, RECORD, Entry, entries_of, footer_of, index_of
from ropeway.store.threads import threads

PACKS = "packs"
INDEXES = "index"
PACK_SUFFIX = ".pack"
INDEX_SUFFIX = ".idx"
OWNER = ".owner"
"""So the note ends that says whose store it is."""
AT_ONCE = 4
"""Requests on their way at the same time."""


class Place(NamedTuple):
    """Where something lies in a depot."""

    pack: str
    entry: Entry


def pack_blob(pack: str) -> str:
    """The blob of a pack."""
    return f"{PACKS}/{pack}{PACK_SUFFIX}"


def index_blob(pack: str) -> str:
    """The blob that says what is in a pack."""
    return f"{INDEXES}/{pack}{INDEX_SUFFIX}"


class Index:
    """The places of everything in a depot, as of the last `look`.

    Args:
        backend: where.
        cache: keeps indexes that were read; free to vanish.
    """

    def __init__(self, backend: Backend, cache: Cache) -> None:
        self._backend = backend
        self._cache = cache
        self.packs: dict[str, list[Entry]] = {}
        self.unread: set[str] = set()
        """Packs whose content cannot be known: neither their index nor their own can be read."""
        self.notes: set[str] = set()
        """What else lies among the indexes, by name: what those say who keep a store there."""
        self.going: set[tuple[str, int, bytes]] = set()
        """Pack, kind and digest of what is to go: to be read still, and no longer to be relied on."""
        self._places: dict[tuple[int, bytes], list[Place]] = {}

    def look(self) -> None:
        """Learn what came and what went: one listing, and one request for each new pack."""
        names = {blob.name[len(INDEXES) + 1 :] for blob in self._backend.list(INDEXES)}
        there = {name[: -len(INDEX_SUFFIX)] for name in names if name.endswith(INDEX_SUFFIX)}
        self.notes = {name for name in names if not name.endswith(INDEX_SUFFIX)}
        gone, new = self.packs.keys() - there, sorted(there - self.packs.keys())
        with threads(AT_ONCE, "depot-index") as pool:
            loaded = dict(zip(new, pool.map(self._load, new), strict=True))
        self.unread = {pack for pack, entries in loaded.items() if entries is None}
        for pack, entries in loaded.items():
            if entries is not None:
                self.note(pack, entries)
        if gone:
            self.forget(gone)

    def note(self, pack: str, entries: list[Entry]) -> None:
        """A pack is there."""
        self.packs[pack] = entries
        _place(self._places, pack, entries)

    def remember(self, pack: str, data: bytes) -> None:
        """Keep an index that was just written, so that it is not asked for."""
        self._cache.put(f"depot index {pack}", data)

    def forget(self, packs: Iterable[str]) -> None:
        """Packs are there no more."""
        gone = set(packs)
        kept = {pack: entries for pack, entries in self.packs.items() if pack not in gone}
        places: dict[tuple[int, bytes], list[Place]] = {}
        for pack, entries in kept.items():
            _place(places, pack, entries)
        # Whoever asks meanwhile finds all of the old or all of the new.
        self.packs, self._places = kept, places

    def doubt(self, places: Iterable[Place]) -> None:
        """What was found damaged counts as not there."""
        for place in places:
            known = self._places.get((place.entry.kind, place.entry.digest), [])
            if place in known:
                known.remove(place)

    def find(self, digest: bytes, *kinds: int) -> list[Place]:
        """Every place where something lies."""
        return [place for kind in kinds for place in self._places.get((kind, digest), ())]

    def has(self, digest: bytes, *kinds: int) -> bool:
        """Whether something is there, and will stay."""
        if not self.going:
            return any(self._places.get((kind, digest)) for kind in kinds)
        return any(not self.is_going(place) for place in self.find(digest, *kinds))

    def is_going(self, place: Place) -> bool:
        """Whether a collection has marked what lies at a place."""
        return (place.pack, place.entry.kind, place.entry.digest) in self.going

    def all_of(self, kind: int) -> Iterator[tuple[bytes, list[Place]]]:
        """Everything of a kind, with its places."""
        return (
            (digest, places) for (each, digest), places in self._places.items() if each == kind and places
        )

    def _load(self, pack: str) -> list[Entry] | None:
        known = self._cache.get(f"depot index {pack}")
        entries = None if known is None else _parsed(known)
        if entries is not None:
            return entries
        for read in (self._beside, self._tail):
            try:
                entries = _parsed(read(pack))
            except BlobMissing:
                continue
            if entries is not None:
                self.remember(pack, index_of(entries))
                return entries
        return None

    def _beside(self, pack: str) -> bytes:
        return self._backend.get(index_blob(pack))

    def _tail(self, pack: str) -> bytes:
        """The index that the pack itself ends with: its second copy."""
        data = self._backend.get(pack_blob(pack))
        footer = footer_of(data[-FOOTER.size :], len(data))
        return b"" if footer is None else data[-FOOTER.size - footer[0] * RECORD.size :]


def _place(places: dict[tuple[int, bytes], list[Place]], pack: str, entries: list[Entry]) -> None:
    for entry in entries:
        places.setdefault((entry.kind, entry.digest), []).append(Place(pack, entry))


def _parsed(data: bytes) -> list[Entry] | None:
    """The entries of an index blob; None where it is not what was written."""
    if len(data) < FOOTER.size:
        return None
    # The length that a footer is held against is that of a pack: at least its magic more.
    footer = footer_of(data[-FOOTER.size :], len(data) + 8)
    if footer is None or footer[0] * RECORD.size + FOOTER.size != len(data):
        return None
    return entries_of(data[: -FOOTER.size], *footer)
