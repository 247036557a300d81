"""Taking in many objects, or large ones, as packs: what is there already is compared, the rest is written.

Contract: nothing is promised until `commit` has returned; then all of it survives power loss. A kill before
leaves nothing that anybody sees but whole objects and chunks that no recipe names. Work under the gate.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from types import TracebackType
from typing import Self

import blake3

from ropeway.core.ids import Digest
from ropeway.store import coding
from ropeway.store.files import sync_folder
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry
from ropeway.store.pack_writer import PackWriter
from ropeway.store.packs import Pack, Packs, holds, stored_of
from ropeway.store.recipes import Part, Recipe, recipe_of
from ropeway.store.threads import threads
from ropeway.store.windows import ReadInto, Window, Windows

LARGE_BYTES = 8 << 20
"""From this length on, an object is kept in chunks. Below they save little; a file is scanned in place."""
AHEAD = 1
"""So many windows may wait for each of the threads that work on them."""
THREADS = 2
PACK_BYTES = 256 << 20
"""A pack that reached this length is published, and another begun."""

_Coded = tuple[Entry, bytes | memoryview]


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
        self._pools: dict[str, Executor] = {}
        self._reader: Windows | None = None
        self._is_wanted = False
        self.met: list[bytes] = []
        """Objects that were there already, in a pack."""

    def take(self, data: bytes) -> Digest:
        """Take in a small object."""
        raw = blake3.blake3(data).digest()
        key, digest = (OBJECT, raw), Digest(raw.hex())
        self._refuse(digest)
        if key in self._taken or self._is_there(OBJECT, raw, data) or self._is_kept(digest):
            return digest
        self._taken.add(key)
        self._is_wanted = True
        self._room().add(OBJECT, raw, data)
        return digest

    def take_large(self, readinto: ReadInto) -> Digest:
        """Take in a large object, read once from start to end, in bounded memory."""
        whole, parts = blake3.blake3(), list[Part]()
        hashed: deque[tuple[Window, Future[list[bytes]]]] = deque()
        coded: deque[tuple[Window, Future[list[_Coded]]]] = deque()
        windows = self._windows()

        def code() -> None:
            window, hashing = hashed.popleft()
            digests = hashing.result()
            parts.extend(map(Part, digests, window.lengths))
            coded.append((window, self._code(digests, window)))

        def write() -> None:
            window, coding_ = coded.popleft()
            for entry, stored in coding_.result():
                written = self._room().add_coded(entry, stored)
                if written is not None:
                    window.work.append(written)
            windows.leave(window)

        # One thread reads ahead, one hashes, some compare and compress, one writes; this one cuts.
        for window in windows.of(readinto):
            hashed.append((window, self._pool("hash").submit(_hash, whole, window)))
            if len(hashed) > AHEAD:
                code()
            if len(coded) > AHEAD:
                write()
        while hashed:
            code()
        while coded:
            write()
        return self._take_recipe(whole.digest(), Recipe(sum(part.length for part in parts), tuple(parts)))

    def take_chunk(self, data: bytes) -> None:
        """Take in a piece of large objects, whose recipe comes later or is there."""
        raw = blake3.blake3(data).digest()
        if (CHUNK, raw) not in self._taken and not self._is_there(CHUNK, raw, data):
            self._room().add(CHUNK, raw, data)
        self._taken.add((CHUNK, raw))
        self._is_wanted = True

    def take_recipe(self, digest: bytes, recipe: Recipe) -> None:
        """Take in an object whose chunks are kept; whoever asks has seen that they make it."""
        self._take_recipe(digest, recipe)

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

    def _code(self, digests: list[bytes], window: Window) -> "Future[list[_Coded]]":
        """What of a window must be written, as it is stored."""
        new: list[tuple[bytes, memoryview]] = []
        for digest, data in zip(digests, window.chunks(), strict=True):
            if (CHUNK, digest) not in self._taken:
                self._taken.add((CHUNK, digest))
                new.append((digest, data))
        return self._pool("code", THREADS).submit(self._coded, new)

    def _coded(self, chunks: list[tuple[bytes, memoryview]]) -> "list[_Coded]":
        return [_coded(digest, data) for digest, data in chunks if not self._is_there(CHUNK, digest, data)]

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

    def _windows(self) -> Windows:
        if self._reader is None:
            self._reader = Windows(self._pool("read"))
        return self._reader

    def _pool(self, name: str, count: int = 1) -> Executor:
        if name not in self._pools:
            self._pools[name] = threads(count, f"store-{name}")
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


def _hash(whole: blake3.blake3, window: Window) -> list[bytes]:
    """The digest of each chunk; the whole object's goes on. A chunk is still near when it is read again."""
    digests = []
    for data in window.chunks():
        digests.append(blake3.blake3(data).digest())
        whole.update(data)
    return digests


def _coded(digest: bytes, data: memoryview) -> _Coded:
    how, stored = coding.encode(data)
    return Entry(digest, 0, len(stored), len(data), coding.check(how, stored), CHUNK, how), stored
