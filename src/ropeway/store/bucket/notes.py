"""What a store at a backend says besides its objects: small blobs that never change, named by what they hold.

One that is not what its name says counts for nothing.
"""

from typing import TypeVar

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.store.backends import Backend
from ropeway.store.depot.index import INDEXES, Index
from ropeway.store.errors import BlobMissing

GOING = ".going"
ERASED = ".erased"
MOVED = ".moved"
T = TypeVar("T")


class Mark(msgspec.Struct, frozen=True):
    """What a collection found dead: when, by the ledger's clock, and where in each pack's index."""

    at: float
    dead: dict[str, list[int]]


class Erasures(msgspec.Struct, frozen=True):
    """Objects that were erased, each with its certificate."""

    erased: dict[Digest, str]


class Moved(msgspec.Struct, frozen=True):
    """Where the store is now, and since when."""

    to: str
    at: float


class Notes:
    """The notes of one backend, each read once."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._read: dict[str, object] = {}

    def put(self, note: msgspec.Struct, suffix: str) -> str:
        """Say something; gives the note's name."""
        data = canonical(note)
        name = digest_bytes(data) + suffix
        self._backend.put(f"{INDEXES}/{name}", data)
        self._read[name] = note
        return name

    def put_name(self, name: str) -> None:
        """Say something whose name says it all."""
        self._backend.put(f"{INDEXES}/{name}", b"")

    def drop(self, name: str) -> None:
        """Take something back."""
        self._backend.delete(f"{INDEXES}/{name}")

    def all(self, index: Index, kind: type[T], suffix: str) -> dict[str, T]:
        """What is said, as of the index's last look, by name; what does not read is left out."""
        found = {name: self._get(name, kind, suffix) for name in sorted(index.notes) if name.endswith(suffix)}
        return {name: note for name, note in found.items() if note is not None}

    def _get(self, name: str, kind: type[T], suffix: str) -> T | None:
        known = self._read.get(name)
        if isinstance(known, kind):
            return known
        try:
            data = self._backend.get(f"{INDEXES}/{name}")
            note = msgspec.json.decode(data, type=kind)
        except (BlobMissing, msgspec.DecodeError, UnicodeDecodeError):
            return None
        if digest_bytes(data) + suffix != name:
            return None
        self._read[name] = note
        return note
