"""Reading objects that lie in packs, whole or by their recipe. Everything is verified on its way out."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import blake3

from ropeway.core.ids import Digest
from ropeway.store.errors import ObjectDamaged, ObjectMissing
from ropeway.store.files import write_all
from ropeway.store.intake import stored_recipe
from ropeway.store.loose import ENDS_BYTES
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry
from ropeway.store.packs import Pack, Packs, raw_of
from ropeway.store.recipes import Recipe

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
        hasher = blake3.blake3()
        for piece in self.pieces(digest):
            hasher.update(piece)
            write_all(descriptor, piece)
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
    """Reads many small objects; each pack is opened once. A context manager; safe for several threads."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._files: dict[Path, int] = {}
        self._lock = threading.Lock()

    def raw(self, digest: Digest) -> bytes | None:
        """A small object's bytes, verified; None where they lie elsewhere, or are damaged here."""
        for pack, entry in self._packs.find(bytes.fromhex(digest), OBJECT):
            descriptor = self._file(pack.path)
            found = None if descriptor is None else raw_of(descriptor, entry)
            if found is not None:
                return found
        return None

    def _file(self, path: Path) -> int | None:
        """A pack, opened; None where it has gone meanwhile, and its objects stand elsewhere."""
        with self._lock:
            if path not in self._files:
                try:
                    self._files[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:
                    self._packs.forget()
                    return None
            return self._files[path]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)


def _read(pack: Pack, entry: Entry) -> bytes | Recipe | None:
    with pack.opened() as descriptor:
        return stored_recipe(descriptor, entry) if entry.kind == RECIPE else raw_of(descriptor, entry)
