"""The objects of a workspace whose store is at a backend: put here, and there before anything needs them.

Contract: as `Store`'s, and: what an event refers to is at the backend before the event is (`ship`). `put`
makes bytes durable here, and they wait. That an object is here is never taken for its being there. What is
read is verified here, whoever sent it, and kept: a second read asks nobody. Killed between `put` and `ship`,
nothing refers to it; whoever puts or names it next lets it wait again.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.store.bucket.bucket import Bucket
from ropeway.store.errors import (
    DepotDamaged,
    DepotLacks,
    NotATree,
    ObjectDamaged,
    ObjectErased,
    ObjectMissing,
)
from ropeway.store.objects import Store
from ropeway.store.recipes import Recipe
from ropeway.store.restore import Restored
from ropeway.store.trees import tree_bytes

T = TypeVar("T")


class BucketStore(Store):
    """A local store as the copy of one at a backend.

    Args:
        home: the workspace's `.ropeway` folder.
        bucket_for: makes the backend's side, given the copy here.
    """

    bucket: Bucket

    def __init__(self, home: Path, bucket_for: Callable[[Store], Bucket]) -> None:
        super().__init__(home)
        # The same parts by the local rules: what is here, and nothing else.
        self._here = Store.__new__(Store)
        vars(self._here).update(vars(self))
        self.bucket = bucket_for(self._here)
        self._lock = threading.Lock()
        self._waiting: dict[Digest, None] = {}
        """Put or named here, and perhaps not there."""
        self._under_way: set[Digest] = set()

    def put(self, data: bytes | memoryview) -> Digest:
        """As `Store.put`; brought there by `ship`."""
        return self._note(self._here.put(data))

    def put_file(self, path: Path, *, trust_stat: bool = False) -> Digest:
        """As `Store.put_file`; brought there by `ship`."""
        return self._note(self._here.put_file(path, trust_stat=trust_stat))

    def put_folder(self, path: Path) -> Digest:
        """As `Store.put_folder`; brought there by `ship`, the files before the tree."""
        return self._note(self._here.put_folder(path))

    def put_tree(self, entries: Mapping[str, Digest]) -> Digest:
        """As `Store.put_tree`; brought there by `ship`, the members before the tree."""
        for member in entries.values():
            if not self.renew(member):
                raise ObjectMissing(member)
        return self.put(tree_bytes(entries))

    def has(self, digest: Digest) -> bool:
        """Whether the object is here or there."""
        return self.has_copy(digest) or self.bucket.holds(digest)

    def renew(self, digest: Digest) -> bool:
        """Whether the object is here or there. What is here waits to be shipped, if it is not there.

        To be asked before a reference is made, and `ship` after it.
        """
        if self._here.renew(digest):
            self._note(digest)
            return True
        if self.bucket.has(digest):
            return True
        try:
            # Marked as going, or brought by others since the last look.
            self._bring([digest])
        except (ObjectMissing, ObjectDamaged):
            return False
        self._note(digest)
        return True

    def ship(self, needed: Iterable[Digest] | None = None) -> None:
        """Bring there what waits, or what an event needs, with what trees hold; nothing that is there.

        Raises:
            ObjectMissing: something that is needed is neither here nor there.
            BackendUnavailable: it cannot be reached; what had arrived stays.
        """
        with self._lock:
            waiting = list(self._waiting if needed is None else needed)
            if needed is None:
                # What another thread is bringing is its own; who needs it says so.
                waiting = [digest for digest in waiting if digest not in self._under_way]
            self._under_way.update(waiting)
        try:
            # What took longer than the view may be relied on is looked at again.
            while waiting and (lacking := self._lacking(waiting)):
                for digests, are_trees in lacking:
                    self.bucket.send(self._here, digests, are_trees=are_trees)
            with self._lock:
                for digest in waiting:
                    self._waiting.pop(digest, None)
        finally:
            with self._lock:
                self._under_way.difference_update(waiting)

    def verify(self, digest: Digest) -> int:
        """Read a copy here again; of what only the backend has, its size: `Bucket.check` reads it there."""
        try:
            return self._here.verify(digest)
        except ObjectErased:
            raise
        except ObjectMissing:
            return self.size(digest)

    def read(self, digest: Digest) -> bytes:
        """The object's bytes, verified; brought here where it is not."""
        return self._brought(digest, self._here.read)

    def open_path(self, digest: Digest) -> Path:
        """As `Store.open_path`; brought here where it is not."""
        return self._brought(digest, self._here.open_path)

    def ends(self, digest: Digest) -> tuple[bytes, bytes]:
        """As `Store.ends`; brought here where it is not."""
        return self._brought(digest, self._here.ends)

    def recipe(self, digest: Digest) -> Recipe | None:
        """As `Store.recipe`; brought here where it is not."""
        if not self.has_copy(digest):
            self._bring([digest])
        return self._here.recipe(digest)

    def size(self, digest: Digest) -> int:
        """The object's length in bytes."""
        try:
            return self._here.size(digest)
        except ObjectErased:
            raise
        except ObjectMissing:
            found = self.bucket.size(digest)
            if found is None:
                raise
            return found

    def may_be_tree(self, digest: Digest) -> bool:
        """Whether it may be a tree, as far as that shows without reading it."""
        return self.has_copy(digest) or self.bucket.may_be_tree(digest)

    def restore_folder(
        self, tree: Digest, path: Path, *, only: Collection[str] | None = None, durable: bool = False
    ) -> Restored:
        """As `Store.restore_folder`; what lacks here is brought first, in few requests."""
        entries = self.read_tree(tree)
        self.fetch(entries.values() if only is None else [entries[name] for name in only])
        return self._here.restore_folder(tree, path, only=only, durable=durable)

    def restore_file(self, digest: Digest, path: Path, *, link: bool = False, durable: bool = False) -> None:
        """As `Store.restore_file`; brought here where it is not."""
        self.open_path(digest)
        self._here.restore_file(digest, path, link=link, durable=durable)

    def fetch(self, digests: Iterable[Digest]) -> None:
        """Bring here what is not, in few requests.

        Raises:
            ObjectMissing: one is neither here nor there.
        """
        lacking = [digest for digest in dict.fromkeys(digests) if not self.has_copy(digest)]
        if lacking:
            self._bring(lacking)

    def digests(self) -> Iterator[Digest]:
        """Every object that is here or there, in no particular order."""
        return iter({*self.copies(), *self.bucket.digests()})

    def remove(
        self, digests: Collection[Digest], *, put_before: float | None = None, leave_no_trace: bool = False
    ) -> int:
        """Delete copies here, as `Store.remove` does; with `leave_no_trace`, there as well and at once.

        What a collection removes there has been marked before: see `bucket.collect`.
        """
        if leave_no_trace:
            known = self.erased.all()
            self.bucket.erase({digest: known.get(digest, "") for digest in digests})
        with self._lock:
            for digest in digests:
                self._waiting.pop(digest, None)
        return self._here.remove(digests, put_before=put_before, leave_no_trace=leave_no_trace)

    def offload(self, digests: Collection[Digest]) -> tuple[int, int]:
        """Delete copies here of what the backend has; gives how many, and the bytes that freed."""
        depot, waiting = self.bucket.look(), set(self._waiting)
        dropped = [
            digest
            for digest in digests
            if digest not in waiting and self.has_copy(digest) and depot.has(digest)
        ]
        return len(dropped), self._here.remove(dropped)

    def heal(self, digests: Collection[Digest]) -> list[Digest]:
        """Bring objects again from the side where they are sound; gives those that are sound nowhere."""
        lost = []
        for digest in digests:
            try:
                self._bring([digest], doubtful=True)
            except (ObjectMissing, ObjectDamaged):
                lost.append(digest)
        self.bucket.heal(self._here, [each for each in digests if self._here.is_sound(each)])
        return [digest for digest in lost if not self._here.is_sound(digest)]

    def _note(self, digest: Digest) -> Digest:
        with self._lock:
            self._waiting[digest] = None
        return digest

    def _lacking(self, digests: Iterable[Digest]) -> list[tuple[list[Digest], bool]]:
        """What is not there of some objects and all that trees among them hold, in the order of bringing.

        A tree that is there has its members there, since it was brought after them: so each height of trees
        goes by itself.
        """
        has = self.bucket.view().has
        heights: dict[Digest, int] = {}
        for digest in dict.fromkeys(digests):
            if not has(digest):
                self._measure(digest, has, heights)
        groups: dict[int, list[Digest]] = {}
        for digest, height in heights.items():
            groups.setdefault(height, []).append(digest)
        return [(groups[height], height > 0) for height in sorted(groups)]

    def _measure(self, digest: Digest, has: Callable[[Digest], bool], heights: dict[Digest, int]) -> int:
        """How many trees stand above each other in an object; what is there counts as flat."""
        if digest in heights:
            return heights[digest]
        if has(digest):
            return 0
        # A copy of what was erased elsewhere must not bring it back.
        self.erased.refuse(digest)
        if not self.has_copy(digest):
            # Marked as going, or nowhere.
            self._bring([digest])
        height = 0
        head = self._here.ends(digest)[0].lstrip()
        if not head or head.startswith(b"{"):
            try:
                members = self._here.read_tree(digest).values()
                height = 1 + max((self._measure(member, has, heights) for member in members), default=0)
            except NotATree:
                height = 1
        heights[digest] = height
        return height

    def _brought(self, digest: Digest, read: Callable[[Digest], T]) -> T:
        """What a reader gives, once it is here."""
        try:
            return read(digest)
        except ObjectErased:
            raise
        except ObjectMissing:
            try:
                self._bring(self.bucket.around(digest))
            except (ObjectMissing, ObjectDamaged):
                self._bring([digest])
        except ObjectDamaged as error:
            try:
                self._bring([digest], doubtful=True)
            except Damaged:
                raise error from None
        return read(digest)

    def _bring(self, digests: Collection[Digest], *, doubtful: bool = False) -> None:
        """Bring here what lacks.

        Raises:
            ObjectMissing, ObjectErased: one is not there.
            ObjectDamaged: one is damaged there.
        """
        try:
            self.bucket.bring(digests, doubtful=doubtful)
        except DepotLacks as error:
            first = Digest(error.digests[0])
            with self.erased.telling(first):
                raise ObjectMissing(first) from error
        except DepotDamaged as error:
            raise ObjectDamaged(Digest(error.digests[0]), "") from error
