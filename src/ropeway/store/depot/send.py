"""Bringing to a depot what it lacks: in packs, several on their way at once, recipes last.

Contract: a pack is seen only when it is whole, and a recipe only when its chunks are. Killed or cut off
anywhere, what had arrived is there, and the same call again sends the rest. Everything is read verified:
damaged bytes never travel.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Self

import blake3
import msgspec

from ropeway.core.hashing import digest_file
from ropeway.core.ids import Digest
from ropeway.store import chunking, coding
from ropeway.store.depot.index import AT_ONCE, index_blob, pack_blob
from ropeway.store.depot.salt import add_salt
from ropeway.store.depot.transfer import Sent, Tick
from ropeway.store.errors import ObjectDamaged
from ropeway.store.intake import LARGE_BYTES
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry, index_of
from ropeway.store.pack_writer import PackWriter
from ropeway.store.recipes import Part, Recipe
from ropeway.store.threads import threads

if TYPE_CHECKING:
    from ropeway.store.depot.depot import Depot
    from ropeway.store.objects import Store

PACK_BYTES = 16 << 20
"""So much is lost at most, for each on its way, when a transfer is broken off."""
WINDOW_BYTES = 16 << 20
STALLED_S = 600.0
"""So long between a pack and its index, and a collection may have taken the pack for left over."""


class Lacking(msgspec.Struct, frozen=True):
    """An object of which a depot lacks something: its recipe where it has one, and how many bytes lack."""

    digest: Digest
    recipe: Recipe | None
    raw_bytes: int


def lacking(depot: "Depot", store: "Store", digests: Iterable[Digest]) -> list[Lacking]:
    """What would have to travel. A chunk that several objects share is counted with the first."""
    found, counted = [], set[bytes]()
    for digest in dict.fromkeys(digests):
        raw = bytes.fromhex(digest)
        if depot.index.has(raw, OBJECT):
            continue
        size = store.size(digest)
        if size < LARGE_BYTES:
            found.append(Lacking(digest, None, size))
            continue
        recipe = store.recipe(digest) or _cut_recipe(store, digest)
        parts = {
            part
            for part in recipe.parts
            if part.digest not in counted and not depot.index.has(part.digest, CHUNK)
        }
        if parts or not depot.index.has(raw, RECIPE):
            counted |= {part.digest for part in parts}
            found.append(Lacking(digest, recipe, sum(part.length for part in parts)))
    return found


def send(
    depot: "Depot", store: "Store", digests: Iterable[Digest], *, tick: Tick, are_trees: bool = False
) -> Sent:
    """Bring what lacks. See the module.

    Args:
        depot: where to.
        store: from where.
        digests: which.
        tick: told of the bytes on the way.
        are_trees: whether they may be trees: in a store, those lie in packs of their own.

    Raises:
        ObjectMissing, ObjectDamaged: it is not sound here.
        BackendUnavailable: the depot cannot be reached; what had arrived stays.
    """
    todo = lacking(depot, store, digests)
    whole, done = sum(each.raw_bytes for each in todo), 0
    with _Sender(depot, store.scratch, are_trees=are_trees) as sender, store.packed.bulk() as bulk:
        for each in todo:
            if each.recipe is None:
                found = bulk.find(each.digest)
                data = None if found is None else bulk.raw(*found)
                raw = store.read(each.digest) if data is None else bytes(data)
                sender.add(OBJECT, bytes.fromhex(each.digest), raw)
            else:
                for digest, chunk in _missing_chunks(depot, store, each.digest, each.recipe):
                    sender.add(CHUNK, digest, chunk)
            done += each.raw_bytes
            tick(done, whole)
        sender.settle()
        for each in todo:
            if each.recipe is not None:
                sender.add_recipe(bytes.fromhex(each.digest), each.recipe)
        sender.settle()
    return Sent(objects=len(todo), packs=sender.packs, raw_bytes=whole, sent_bytes=sender.sent_bytes)


def _missing_chunks(
    depot: "Depot", store: "Store", digest: Digest, recipe: Recipe
) -> Iterator[tuple[bytes, bytes]]:
    if store.recipe(digest) is None:
        chunks: Iterator[bytes | None] = iter(_cut(store.open_path(digest)))
        yield from (
            (part.digest, data)
            for part, data in zip(recipe.parts, chunks, strict=True)
            if data is not None and not depot.index.has(part.digest, CHUNK)
        )
        return
    for part in recipe.parts:
        if depot.index.has(part.digest, CHUNK):
            continue
        data = store.packed.read_chunk(part.digest)
        if data is None:
            raise ObjectDamaged(digest, "")
        yield part.digest, data


def _cut_recipe(store: "Store", digest: Digest) -> Recipe:
    """The chunks that a large file would have, which is kept as one from before there were any."""
    parts = tuple(Part(blake3.blake3(data).digest(), len(data)) for data in _cut(store.open_path(digest)))
    return Recipe(sum(part.length for part in parts), parts)


def _cut(path: Path) -> Iterator[bytes]:
    rest = b""
    with path.open("rb") as source:
        while True:
            block = source.read(WINDOW_BYTES)
            view, at = memoryview(rest + block), 0
            for length in chunking.cut(view, is_end=len(block) < WINDOW_BYTES):
                yield bytes(view[at : at + length])
                at += length
            rest = bytes(view[at:])
            if len(block) < WINDOW_BYTES:
                return


class _Sender:
    """Packs in the making and on their way. A context manager: what is not settled is thrown away."""

    def __init__(self, depot: "Depot", scratch: Path, *, are_trees: bool) -> None:
        self._depot = depot
        self._scratch = scratch
        self._are_trees = are_trees
        self._pool = threads(AT_ONCE, "depot-send")
        self._under_way: deque[tuple[Future[int], PackWriter]] = deque()
        self._writer: PackWriter | None = None
        self._entries: list[Entry] = []
        self._added: set[tuple[int, bytes]] = set()
        self.packs = 0
        self.sent_bytes = 0

    def add(self, kind: int, digest: bytes, data: bytes) -> None:
        """Send some bytes, once."""
        how, stored = coding.encode(data)
        self._add(
            Entry(digest, 0, len(stored), len(data), coding.check(how, stored), kind, how), bytes(stored)
        )

    def add_recipe(self, digest: bytes, recipe: Recipe) -> None:
        """Send a recipe, whose chunks have arrived."""
        data = recipe.to_bytes()
        self._add(Entry(digest, 0, len(data), recipe.length, 0, RECIPE, coding.RAW), data)

    def settle(self) -> None:
        """Wait until all of it has arrived."""
        self._ship()
        while self._under_way:
            self._await_one()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        if self._writer is not None:
            self._writer.discard()
        for future, shipped in self._under_way:
            # One that was never begun has its file still; the others threw theirs away.
            if future.cancelled():
                shipped.discard()

    def _add(self, entry: Entry, stored: bytes) -> None:
        if (entry.kind, entry.digest) in self._added:
            return
        self._added.add((entry.kind, entry.digest))
        if self._writer is None:
            # Both in the scratch folder: what a kill leaves there is swept by the store.
            self._writer = PackWriter(self._scratch, self._scratch)
        entry = entry._replace(offset=self._writer.length)
        self._entries.append(entry)
        self._writer.add_coded(entry, stored)
        if self._writer.length >= PACK_BYTES:
            self._ship()

    def _ship(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        entries, self._entries = self._entries, []
        if len(self._under_way) >= AT_ONCE:
            self._await_one()
        putting = self._pool.submit(self._depot.put_pack, writer, entries, are_trees=self._are_trees)
        self._under_way.append((putting, writer))

    def _await_one(self) -> None:
        future, _ = self._under_way[0]
        self.sent_bytes += future.result()
        self.packs += 1
        self._under_way.popleft()


def put_pack(depot: "Depot", writer: PackWriter, entries: list[Entry], *, are_trees: bool) -> int:
    """Let a pack arrive, and then what it holds be known; gives the bytes that travelled."""
    try:
        if depot.is_store:
            entries.append(add_salt(writer, are_trees=are_trees))
        writer.publish()
        pack, index = digest_file(writer.target), index_of(entries)
        began = time.time()
        depot.backend.put(pack_blob(pack), writer.target)
        depot.backend.put(index_blob(pack), index)
        if time.time() - began > STALLED_S and not depot.backend.has(pack_blob(pack)):
            depot.backend.put(pack_blob(pack), writer.target)
        depot.learn(pack, entries)
        depot.index.remember(pack, index)
        return writer.target.stat().st_size + len(index)
    finally:
        writer.target.unlink(missing_ok=True)
