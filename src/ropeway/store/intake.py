"""Taking in many objects, or large ones, as packs: what is there already is compared, the rest is written.

Contract: nothing is promised until `commit` has returned; then all of it survives power loss. A kill before
leaves nothing that anybody sees but whole objects and chunks that no recipe names. Work under the gate.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import blake3

from ropeway.core.ids import Digest
from ropeway.store import chunking, coding
from ropeway.store.files import sync_folder
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry
from ropeway.store.pack_writer import PackWriter
from ropeway.store.packs import Pack, Packs, holds, stored_of
from ropeway.store.recipes import Part, Recipe, recipe_of

LARGE_BYTES = 8 << 20
"""From this length on, an object is kept in chunks. Below they save little; a file is scanned in place."""
WINDOW_BYTES = 16 << 20
"""So much of a file is looked at at once; a few such windows are in memory at a time."""
PACK_BYTES = 256 << 20
"""A pack that reached this length is published, and another begun."""

ReadInto = Callable[[memoryview], int]


class Intake:
    """One act of putting. A context manager; without `commit`, nothing was put.

    Args:
        packs: where it goes.
        scratch: for temporary names.
        is_kept: whether an object is there elsewhere, whole and durable.
        refuse: raises where an object must not be kept.
    """

    def __init__(
        self,
        packs: Packs,
        scratch: Path,
        is_kept: Callable[[Digest], bool],
        refuse: Callable[[Digest], None] = lambda _digest: None,
    ) -> None:
        self._packs = packs
        self._scratch = scratch
        self._is_kept = is_kept
        self._refuse = refuse
        # As they are now: while somebody puts, none goes, and what others add meanwhile may be there twice.
        self._there = packs.now()
        self._writer: PackWriter | None = None
        self._taken: set[tuple[int, bytes]] = set()
        self._recipes: list[tuple[bytes, Recipe]] = []
        self._publishing: list[Future[None]] = []
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._is_wanted = False
        self.met: list[bytes] = []
        """Objects that were there already, in a pack."""

    def take(self, data: bytes) -> Digest:
        """Take in a small object."""
        raw = blake3.blake3(data).digest()
        digest = Digest(raw.hex())
        self._refuse(digest)
        if (OBJECT, raw) in self._taken or self._is_there(OBJECT, raw, data) or self._is_kept(digest):
            return digest
        self._taken.add((OBJECT, raw))
        self._is_wanted = True
        self._room().add(OBJECT, raw, data)
        return digest

    def take_large(self, readinto: ReadInto) -> Digest:
        """Take in a large object, read once from start to end, in bounded memory."""
        whole, parts = blake3.blake3(), []
        hashing, adding = self._pool("chunks"), self._pool("whole")
        waiting: deque[tuple[memoryview, list[int], Future[list[bytes]], Future[object]]] = deque()

        def settle() -> None:
            view, lengths, digests, added = waiting.popleft()
            at = 0
            for digest, length in zip(digests.result(), lengths, strict=True):
                self._take_chunk(digest, view[at : at + length])
                parts.append(Part(digest, length))
                at += length
            added.result()

        for view, lengths in _windows(readinto):
            # Two threads hash, one by chunks and one the whole, while this one reads, cuts and writes.
            digests = hashing.submit(_digests_of, view, lengths)
            waiting.append((view, lengths, digests, adding.submit(whole.update, view)))
            if len(waiting) > 1:
                settle()
        while waiting:
            settle()
        return self._take_recipe(whole.digest(), Recipe(sum(part.length for part in parts), tuple(parts)))

    def commit(self) -> None:
        """Make all of it durable and visible."""
        if self._recipes or self._writer is None:
            # A recipe is seen only when all that it names is durable. What was met may stand in a pack that
            # another process renamed a moment ago, and did not yet sync the name of.
            self._await_published()
            sync_folder(self._packs.folder)
        for digest, recipe in self._recipes:
            data = recipe.to_bytes()
            self._room().add_coded(Entry(digest, 0, len(data), recipe.length, 0, RECIPE, coding.RAW), data)
        # Chunks of an object that proved to be kept elsewhere are left behind.
        if self._writer is not None and self._is_wanted:
            writer, self._writer = self._writer, None
            writer.publish()
        self._await_published()
        self._recipes = []
        self._packs.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools.values():
            pool.shutdown()
        if self._writer is not None:
            self._writer.discard()

    def _take_chunk(self, digest: bytes, data: memoryview) -> None:
        if (CHUNK, digest) not in self._taken and not self._is_there(CHUNK, digest, data):
            self._room().add(CHUNK, digest, data)
        self._taken.add((CHUNK, digest))

    def _take_recipe(self, digest: bytes, recipe: Recipe) -> Digest:
        self._refuse(Digest(digest.hex()))
        if self._is_kept(Digest(digest.hex())):
            return Digest(digest.hex())
        self._is_wanted = True
        for pack, entry in _found(self._there, digest, RECIPE):
            with pack.opened() as descriptor:
                known = stored_recipe(descriptor, entry)
            if known == recipe:
                self.met.append(digest)
                return Digest(digest.hex())
        if (RECIPE, digest) not in self._taken:
            self._taken.add((RECIPE, digest))
            self._recipes.append((digest, recipe))
        return Digest(digest.hex())

    def _is_there(self, kind: int, digest: bytes, data: bytes | memoryview) -> bool:
        """Whether a pack has it, byte for byte: what is damaged there is written once more."""
        for pack, entry in _found(self._there, digest, kind):
            with pack.opened() as descriptor:
                if not holds(descriptor, entry, data):
                    continue
            if kind == OBJECT:
                self.met.append(digest)
            return True
        return False

    def _room(self) -> PackWriter:
        """The pack to write to."""
        if self._writer is not None and self._writer.length >= PACK_BYTES:
            writer, self._writer = self._writer, None
            self._publishing.append(self._pool("publish").submit(writer.publish))
        if self._writer is None:
            self._writer = PackWriter(self._packs.folder, self._scratch)
        return self._writer

    def _await_published(self) -> None:
        while self._publishing:
            self._publishing.pop().result()

    def _pool(self, name: str) -> ThreadPoolExecutor:
        if name not in self._pools:
            self._pools[name] = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"store-{name}")
        return self._pools[name]


def _found(packs: Iterable[Pack], digest: bytes, kind: int) -> Iterator[tuple[Pack, Entry]]:
    """Every place where something lies."""
    for pack in packs:
        entry = pack.find(digest, (kind,))
        if entry is not None:
            yield pack, entry


def stored_recipe(descriptor: int, entry: Entry) -> Recipe | None:
    """The recipe that an entry holds; None where it is damaged."""
    stored = stored_of(descriptor, entry)
    found = None if stored is None else recipe_of(stored)
    return found if found is not None and found.length == entry.raw else None


def _windows(readinto: ReadInto) -> Iterator[tuple[memoryview, list[int]]]:
    """Pieces of a file that end where a chunk ends, and the lengths of the chunks in them."""
    rest, is_end = b"", False
    while not is_end:
        buffer = bytearray(WINDOW_BYTES + chunking.MAX_BYTES)
        view = memoryview(buffer)
        view[: len(rest)] = rest
        filled = len(rest)
        while filled < len(view):
            read = readinto(view[filled:])
            if read == 0:
                is_end = True
                break
            filled += read
        lengths = chunking.cut(view[:filled], is_end=is_end)
        end = sum(lengths)
        rest = bytes(view[end:filled])
        yield view[:end], lengths


def _digests_of(view: memoryview, lengths: list[int]) -> list[bytes]:
    digests, at = [], 0
    for length in lengths:
        digests.append(blake3.blake3(view[at : at + length]).digest())
        at += length
    return digests
