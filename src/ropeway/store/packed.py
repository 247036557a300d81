"""Reading objects that lie in packs, whole or by their recipe. Everything is verified on its way out."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import blake3

from ropeway.core.ids import Digest
from ropeway.store import coding
from ropeway.store.errors import ObjectDamaged, ObjectMissing
from ropeway.store.files import write_all
from ropeway.store.intake import stored_recipe
from ropeway.store.loose import ENDS_BYTES
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry
from ropeway.store.packs import Pack, Packs, raw_of
from ropeway.store.recipes import Recipe
from ropeway.store.threads import threads

AHEAD_BYTES = 1 << 20
"""So much is read at once of a pack whose objects are asked for in their order,"""
NEAR_BYTES = 64 << 10
"""and in order is what begins so near behind the last."""
LOOKS = 3
"""A pack may go between the look at the folder and the read: what it held then stands in another."""


class Packed:
    """The objects in packs."""

    def __init__(self, packs: Packs) -> None:
        self.packs = packs

    def has(self, digest: Digest) -> bool:
        """Whether it is there. Does not verify it."""
        return next(self.packs.find(bytes.fromhex(digest), OBJECT, RECIPE), None) is not None

    def size(self, digest: Digest) -> int:
        """Its length in bytes."""
        for _, entry in self.packs.find(bytes.fromhex(digest), OBJECT, RECIPE):
            return entry.raw
        raise ObjectMissing(digest)

    def digests(self) -> Iterator[Digest]:
        """Every object in packs; one may come twice."""
        return (Digest(digest.hex()) for kind, digest in self.living() if kind != CHUNK)

    def living(self) -> Iterator[tuple[int, bytes]]:
        """Kind and digest of everything in packs that was not removed; some may come twice."""
        for pack in self.packs.now():
            for entry in pack.living():
                yield entry.kind, entry.digest

    def has_chunk(self, digest: bytes) -> bool:
        """Whether a piece of large objects is there. Does not verify it."""
        return next(self.packs.find(digest, CHUNK), None) is not None

    def read_chunk(self, digest: bytes) -> bytes | None:
        """A piece of large objects, verified; None where no sound copy is there."""
        found = self._sound(digest, CHUNK)
        return found if isinstance(found, bytes) else None

    def read(self, digest: Digest) -> bytes:
        """The bytes, verified, all in memory."""
        pieces = list(self.pieces(digest))
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if blake3.blake3(data).hexdigest() != digest:
            raise ObjectDamaged(digest, blake3.blake3(data).hexdigest())
        return data

    def write(self, digest: Digest, descriptor: int) -> None:
        """Write the bytes to a file. Raises when they are not right in the end: then throw the file away."""
        hasher, pieces = blake3.blake3(), self.pieces(digest)
        # A piece is read and verified while the one before is hashed with the whole, and written.
        with threads(2, "store-read") as pool:
            reading = pool.submit(next, pieces, None)
            while (piece := reading.result()) is not None:
                reading = pool.submit(next, pieces, None)
                hashing = pool.submit(hasher.update, piece)
                write_all(descriptor, piece)
                hashing.result()
        if hasher.hexdigest() != digest:
            raise ObjectDamaged(digest, hasher.hexdigest())

    def pieces(self, digest: Digest) -> Iterator[bytes]:
        """The bytes in pieces; each is verified, and their order by the recipe's seal.

        Raises:
            ObjectMissing: it is not there.
            ObjectDamaged: no sound copy of some of it is left.
        """
        raw = self._sound(bytes.fromhex(digest), OBJECT, RECIPE)
        if raw is None:
            raise ObjectDamaged(digest, "") if self.has(digest) else ObjectMissing(digest)
        if not isinstance(raw, Recipe):
            yield raw
            return
        for part in raw.parts:
            piece = self.read_chunk(part.digest)
            if piece is None or len(piece) != part.length:
                raise ObjectDamaged(digest, "")
            yield piece

    def ends(self, digest: Digest) -> tuple[bytes, bytes]:
        """Its first and its last bytes."""
        recipe = self.recipe(digest)
        if recipe is None or not recipe.parts:
            data = self.read(digest)
            return data[:ENDS_BYTES], data[-ENDS_BYTES:]
        first, last = (self.read_chunk(part.digest) for part in (recipe.parts[0], recipe.parts[-1]))
        if first is None or last is None:
            raise ObjectDamaged(digest, "")
        return first[:ENDS_BYTES], last[-ENDS_BYTES:]

    def is_sound(self, digest: Digest) -> bool:
        """Whether it is there, and every byte of it is right."""
        try:
            return all(True for _ in self.pieces(digest))
        except (ObjectMissing, ObjectDamaged):
            return False

    def recipe(self, digest: Digest) -> Recipe | None:
        """The chunks that make an object; None where it is not kept in chunks."""
        found = self._sound(bytes.fromhex(digest), RECIPE)
        return found if isinstance(found, Recipe) else None

    def bulk(self) -> "Bulk":
        """For reading many small objects."""
        return Bulk(self.packs)

    def _sound(self, digest: bytes, *kinds: int) -> bytes | Recipe | None:
        """The first sound copy of something."""
        for look in range(LOOKS):
            try:
                for pack, entry in self.packs.find(digest, *kinds):
                    found = _read(pack, entry)
                    if found is not None:
                        return found
            except FileNotFoundError:
                if look == LOOKS - 1:
                    raise
                self.packs.forget()
                continue
            break
        return None


class Bulk:
    """Reads many small objects of the packs as they are now; fast where they lie in order.

    A context manager, for one thread. Not for what is stored large.
    """

    def __init__(self, packs: Packs) -> None:
        self._packs = packs.now()
        self._files: dict[Path, int | None] = {}
        # What was read of a pack last: its file, and where the bytes began.
        self._file: int | None = None
        self._at = 0
        self._block = b""

    def find(self, digest: Digest) -> tuple[Pack, Entry] | None:
        """Where a small object lies; None where it lies elsewhere."""
        wanted = bytes.fromhex(digest)
        for pack in self._packs:
            entry = pack.find(wanted, (OBJECT,))
            if entry is not None:
                return pack, entry
        return None

    def raw(self, pack: Pack, entry: Entry) -> bytes | memoryview | None:
        """Its bytes, verified; None where they are damaged here, or the pack has gone meanwhile.

        What is given is for now: it must not be kept.
        """
        file = self._opened(pack.path)
        if file is None:
            return None
        start = entry.payload_at - self._at
        if file != self._file or start < 0 or start + entry.stored > len(self._block):
            is_next = file == self._file and 0 <= start - len(self._block) <= NEAR_BYTES
            length = max(entry.stored, AHEAD_BYTES if is_next else entry.stored)
            self._block = os.pread(file, length, entry.payload_at)
            self._file, self._at, start = file, entry.payload_at, 0
        stored = memoryview(self._block)[start : start + entry.stored]
        raw = stored if entry.coding == coding.RAW else _decoded(entry, stored)
        return raw if raw is not None and blake3.blake3(raw).digest() == entry.digest else None

    def _opened(self, path: Path) -> int | None:
        if path not in self._files:
            try:
                self._files[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                self._files[path] = None
        return self._files[path]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._files.values():
            if descriptor is not None:
                os.close(descriptor)


def _decoded(entry: Entry, stored: memoryview) -> bytes | None:
    try:
        return coding.decode(entry.coding, bytes(stored), entry.raw)
    except coding.Undecodable:
        return None


def _read(pack: Pack, entry: Entry) -> bytes | Recipe | None:
    with pack.opened() as descriptor:
        return stored_recipe(descriptor, entry) if entry.kind == RECIPE else raw_of(descriptor, entry)
