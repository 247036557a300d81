"""A depot: where objects lie for others to fetch."""

import threading
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.ids import Digest
from ropeway.store.backends import Backend
from ropeway.store.depot.bring import bring
from ropeway.store.depot.check import check, is_sound, pieces_of
from ropeway.store.depot.index import OWNER, Index
from ropeway.store.depot.purge import purge, rewrite
from ropeway.store.depot.send import lacking, put_pack, send
from ropeway.store.depot.transfer import Brought, Checked, Purged, Sent, Tick, silent
from ropeway.store.errors import BlobMissing, DepotNewer, StoreTaken
from ropeway.store.pack_format import OBJECT, RECIPE, Entry

if TYPE_CHECKING:
    from ropeway.store.cache import Cache
    from ropeway.store.objects import Store
    from ropeway.store.pack_writer import PackWriter

FORMAT = 1
MARK = "remote.json"


class _Mark(msgspec.Struct):
    format: int


class Depot:
    """Objects at a backend. Safe for many who bring and fetch at once, here and elsewhere.

    What is there is known as of the last `look`, which making one does. Nobody who only fetches writes
    anything there.

    Args:
        backend: where.
        where: its address, for people.
        cache: remembers indexes, which never change.
        is_store: whether a workspace's own store is there, and not only copies of it.

    Raises:
        BackendUnavailable: it cannot be reached.
        DepotNewer: a newer version wrote it.
        StoreTaken: it is a workspace's own store, and this would be none.
    """

    def __init__(self, backend: Backend, where: str, cache: "Cache", *, is_store: bool = False) -> None:
        self.backend = backend
        self.is_store = is_store
        self.where = where
        self.index = Index(backend, cache)
        self._lock = threading.Lock()
        self.is_marked = self._check_mark()
        """Whether anything was ever brought there."""
        self.look()
        if not is_store and any(name.endswith(OWNER) for name in self.index.notes):
            # Whoever throws away there knows nothing of what others fetch.
            raise StoreTaken(where, "the objects of a workspace's own store")

    def look(self) -> None:
        """See what others have brought or taken away since."""
        self.index.look()

    def has(self, digest: Digest) -> bool:
        """Whether an object is there. Does not verify it."""
        return self.index.has(bytes.fromhex(digest), OBJECT, RECIPE)

    def lacking_bytes(self, store: "Store", digests: Iterable[Digest]) -> int:
        """How many bytes would have to travel there, before they are compressed."""
        return sum(each.raw_bytes for each in lacking(self, store, digests))

    def send(
        self, store: "Store", digests: Iterable[Digest], *, tick: Tick = silent, are_trees: bool = False
    ) -> Sent:
        """Bring there what lacks; see `send`."""
        self.mark()
        return send(self, store, digests, tick=tick, are_trees=are_trees)

    def bring(
        self, store: "Store", digests: Iterable[Digest], *, doubtful: bool = False, tick: Tick = silent
    ) -> Brought:
        """Bring here what lacks, verified; see `bring`."""
        return bring(self, store, digests, doubtful=doubtful, tick=tick)

    def check(self, digests: Iterable[Digest] | None = None, *, tick: Tick = silent) -> Checked:
        """Read every byte of the packs that hold some objects, or of all, and say what is damaged."""
        wanted = None if digests is None else pieces_of(self, digests)
        packs = sorted(
            pack
            for pack, entries in self.index.packs.items()
            if wanted is None or any(entry.digest in wanted for entry in entries)
        )
        return check(self, packs, tick=tick)

    def remove(self, scratch: Path, digests: Collection[Digest]) -> Purged:
        """Take objects away; see `purge`."""
        self.look()
        return purge(self, scratch, digests)

    def drop_damaged(self, scratch: Path, found: Checked) -> None:
        """Write damaged packs anew without what is damaged in them, once it is there again elsewhere."""
        for pack, digests in found.damaged.items():
            # Of one that nobody can read, nobody knows what it held: it may be all that somebody has. And one
            # that was brought again just as it was is sound by now.
            if pack in self.index.packs and not is_sound(self, pack):
                kept = [each for each in self.index.packs[pack] if each.digest.hex() not in digests]
                rewrite(self, scratch, pack, kept)

    def put_pack(self, writer: "PackWriter", entries: list[Entry], *, are_trees: bool = False) -> int:
        """Let a pack arrive, and then what it holds be known."""
        return put_pack(self, writer, entries, are_trees=are_trees)

    def learn(self, pack: str, entries: list[Entry]) -> None:
        """A pack has arrived. Asked from the threads that bring."""
        with self._lock:
            self.index.note(pack, entries)

    def mark(self) -> None:
        """Say there what it is, before anything else is put there."""
        if not self.is_marked:
            self.backend.put(MARK, canonical(_Mark(FORMAT)))
            self.is_marked = True

    def _check_mark(self) -> bool:
        try:
            said = msgspec.json.decode(self.backend.get(MARK), type=_Mark).format
        except BlobMissing:
            return False
        except msgspec.DecodeError as error:
            raise DepotNewer(self.where, "unknown") from error
        if said != FORMAT:
            raise DepotNewer(self.where, said)
        return True
