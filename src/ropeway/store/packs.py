"""The packs of a store: what lies in them, and how it is read. Packs never change; they come and go whole.

Beside a pack may stand `NAME.dead`: the digests in it that were removed, and a seal. One that cannot be read
counts for nothing: what was removed is there again, and is removed again by the next collection.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import blake3

from ropeway.store import coding
from ropeway.store.coding import Undecodable
from ropeway.store.files import publish, sync_folder, write_all
from ropeway.store.pack_format import (
    FOOTER,
    HEADER_BYTES,
    MAGIC,
    OBJECT,
    RECORD,
    Entry,
    entries_of,
    entry_at,
    footer_of,
    header_of,
)
from ropeway.store.pack_writer import SUFFIX

DEAD_SUFFIX = ".dead"
DIGEST_BYTES = 32
RACY_NS = 100_000_000
"""A folder changed so recently may change again without its time showing it."""
PRIVATE = 0o700
READ_AT_ONCE = 64 << 10


class Pack:
    """One pack, by its index, or by its headers where the index is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.length = 0
        self.is_sound = True
        """Whether magic, index and footer are what was written."""
        with path.open("rb", buffering=0) as file:
            self.length = os.fstat(file.fileno()).st_size
            entries = _indexed(file.fileno(), self.length)
            self.is_sound = entries is not None
            self.entries = entries if entries is not None else _walked(file.fileno(), self.length)
        self.dead = _read_dead(path)
        self._places: dict[bytes, list[int]] | None = None

    def find(self, digest: bytes, kinds: Sequence[int]) -> Entry | None:
        """Where something lies that was not removed."""
        if self._places is None:
            places: dict[bytes, list[int]] = {}
            for number, entry in enumerate(self.entries):
                places.setdefault(entry.digest, []).append(number)
            self._places = places
        for number in self._places.get(digest, ()):
            entry = self.entries[number]
            if entry.kind in kinds and (entry.kind, digest) not in self.dead:
                return entry
        return None

    def living(self) -> Iterator[Entry]:
        """What was not removed."""
        return (entry for entry in self.entries if (entry.kind, entry.digest) not in self.dead)

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """The file, for many reads. Raises FileNotFoundError when the pack has gone."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def stored_of(descriptor: int, entry: Entry) -> bytes | None:
    """An entry's bytes as they are stored; None where its header or their checksum is not as it was."""
    if entry.stored > READ_AT_ONCE:
        # Large bytes are not copied once more to part them from their header.
        header = os.pread(descriptor, HEADER_BYTES, entry.offset)
        stored = os.pread(descriptor, entry.stored, entry.payload_at)
    else:
        block = os.pread(descriptor, HEADER_BYTES + entry.stored, entry.offset)
        header, stored = block[:HEADER_BYTES], block[HEADER_BYTES:]
    if header != header_of(entry) or len(stored) != entry.stored:
        return None
    return stored if coding.check(entry.coding, stored) == entry.crc else None


def raw_of(descriptor: int, entry: Entry) -> bytes | None:
    """An object's or chunk's bytes, verified; None where they are damaged."""
    raw = _decoded(descriptor, entry)
    return raw if raw is not None and blake3.blake3(raw).digest() == entry.digest else None


def holds(descriptor: int, entry: Entry, data: bytes | memoryview) -> bool:
    """Whether an entry holds just these bytes. Cheaper than a digest where they are at hand."""
    raw = _decoded(descriptor, entry)
    return raw is not None and len(raw) == len(data) and raw.startswith(data)


def _decoded(descriptor: int, entry: Entry) -> bytes | None:
    stored = stored_of(descriptor, entry)
    try:
        return None if stored is None else coding.decode(entry.coding, stored, entry.raw)
    except Undecodable:
        return None


class Packs:
    """All packs in a folder, as they are now. Safe for several threads."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self._scratch = scratch
        self._lock = threading.Lock()
        self._packs: tuple[Pack, ...] = ()
        self._seen_ns = -1

    def prepare(self) -> None:
        """Make the folder."""
        if not self.folder.is_dir():
            self.folder.mkdir(exist_ok=True, mode=PRIVATE)
            sync_folder(self.folder.parent)

    def now(self) -> tuple[Pack, ...]:
        """The packs that are there. Costs one look at the folder when nothing changed."""
        changed_ns = self.folder.stat().st_mtime_ns
        if changed_ns != self._seen_ns:
            with self._lock:
                self._look(changed_ns)
        return self._packs

    def find(self, digest: bytes, *kinds: int) -> Iterator[tuple[Pack, Entry]]:
        """Every place where something lies; more than one where it was brought again after damage."""
        for pack in self.now():
            entry = pack.find(digest, kinds or (OBJECT,))
            if entry is not None:
                yield pack, entry

    def mark_dead(self, pack: Pack, dead: set[tuple[int, bytes]]) -> None:
        """Record durably that some of a pack's entries were removed."""
        body = b"".join(bytes([kind]) + digest for kind, digest in sorted(pack.dead | dead))
        publish(
            _dead_path(pack.path),
            self._scratch,
            lambda descriptor: write_all(descriptor, blake3.blake3(body).digest() + body),
            durable=True,
            mode=0o600,
        )
        self.forget()

    def drop(self, pack: Pack) -> None:
        """Delete a pack, and then what is said of it: never the other way round."""
        pack.path.unlink(missing_ok=True)
        _dead_path(pack.path).unlink(missing_ok=True)
        self.forget()

    def sweep(self) -> None:
        """Delete what is said of packs that are gone: a kill between the two leaves it. Needs to be alone."""
        for path in self.folder.glob(f"*{DEAD_SUFFIX}"):
            if not path.with_suffix(SUFFIX).exists():
                path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Look again at the next use."""
        self._seen_ns = -1

    def _look(self, changed_ns: int) -> None:
        known = {pack.path.name: pack for pack in self._packs}
        names = {path.name for path in self.folder.iterdir()}
        found = []
        for name in names:
            if not name.endswith(SUFFIX):
                continue
            path, pack = self.folder / name, known.get(name)
            with contextlib.suppress(FileNotFoundError):
                if pack is None:
                    found.append(Pack(path))
                else:
                    # Who reads through the old one must not see its state change under the hands.
                    pack.dead = _read_dead(path) if _dead_path(path).name in names else frozenset()
                    found.append(pack)
        self._packs = tuple(sorted(found, key=lambda pack: pack.path.name))
        # Two changes within one tick of the file system's clock look like one.
        self._seen_ns = -1 if time.time_ns() - changed_ns < RACY_NS else changed_ns


def has_sound_seal(path: Path) -> bool:
    """Whether what is said of a pack's dead can be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return True
    return blake3.blake3(data[DIGEST_BYTES:]).digest() == data[:DIGEST_BYTES]


def dead_of(pack: Pack) -> Path:
    """Where a pack's dead are named."""
    return _dead_path(pack.path)


def _dead_path(path: Path) -> Path:
    return path.with_suffix(DEAD_SUFFIX)


def _read_dead(path: Path) -> frozenset[tuple[int, bytes]]:
    try:
        data = _dead_path(path).read_bytes()
    except FileNotFoundError:
        return frozenset()
    body = data[DIGEST_BYTES:]
    if blake3.blake3(body).digest() != data[:DIGEST_BYTES]:
        return frozenset()
    step = DIGEST_BYTES + 1
    return frozenset((body[at], body[at + 1 : at + step]) for at in range(0, len(body), step))


def _indexed(descriptor: int, length: int) -> list[Entry] | None:
    """The entries by index and footer; None where anything of magic, index or footer is not as written."""
    footer = footer_of(os.pread(descriptor, FOOTER.size, max(0, length - FOOTER.size)), length)
    if footer is None or os.pread(descriptor, len(MAGIC), 0) != MAGIC:
        return None
    count, seal = footer
    size = count * RECORD.size
    return entries_of(os.pread(descriptor, size, length - FOOTER.size - size), count, seal)


def _walked(descriptor: int, length: int) -> list[Entry]:
    """The entries by their headers, as far as these are sound."""
    entries: list[Entry] = []
    at = len(MAGIC)
    while (entry := entry_at(os.pread(descriptor, HEADER_BYTES, at), at)) is not None and entry.end <= length:
        entries.append(entry)
        at = entry.end
    return entries
