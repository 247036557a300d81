"""The objects of a workspace on a server: kept here first, brought there before anything refers to them.

Contract: as `Store`'s, but for when bytes reach the server: `put` makes them durable here, and `push`, which
comes before every command, brings there what it lacks. What is read is verified here, whoever sent it, and
kept: a second read asks nobody. Nothing is written outside the folder of these copies.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import blake3
import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.errors import NotFound
from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.store.errors import BadDigest, ObjectDamaged, ObjectMissing, OutOfSpace
from ropeway.store.intake import Intake
from ropeway.store.recipes import Recipe
from ropeway.store.restore import Restored
from ropeway.store.scrubbing import Scrubbed
from ropeway.store.threads import threads
from ropeway.workspace.connection import MSGPACK, Connection
from ropeway.workspace.errors import ForeignAnswer, NeedsFiles

ASKED_AT_ONCE = 1_000
AT_ONCE = 4
"""Objects on their way at the same time."""
PIECE_BYTES = 256 * 1024
PRIVATE = 0o700


class RemoteStore(Store):
    """The objects of a server's workspace.

    Of `Store` it has the contract and none of the parts: every method is its own.

    Args:
        home: the caller's folder for this server; copies are kept below it.
        connection: the way to the server.
    """

    def __init__(self, home: Path, connection: Connection) -> None:
        for folder in (*reversed(home.parents[:2]), home):
            folder.mkdir(exist_ok=True, mode=PRIVATE)
        self._home = home
        self._here = Store(home)
        self.cache = self._here.cache
        self._connection = connection
        self._lock = threading.Lock()
        self._waiting: dict[Digest, None] = {}
        """Kept here, and perhaps not there."""
        self._there: set[Digest] = set()
        """What the server has said that it has."""

    def put(self, data: bytes | memoryview) -> Digest:
        """As `Store.put`; brought to the server by `push`."""
        return self._note(self._here.put(data))

    def put_file(self, path: Path, *, trust_stat: bool = False) -> Digest:
        """As `Store.put_file`; brought to the server by `push`."""
        return self._note(self._here.put_file(path, trust_stat=trust_stat))

    def put_folder(self, path: Path) -> Digest:
        """As `Store.put_folder`; brought to the server by `push`, the files before the tree."""
        tree = self._here.put_folder(path)
        for digest in self._here.read_tree(tree).values():
            self._note(digest)
        return self._note(tree)

    def put_tree(self, entries: Mapping[str, Digest]) -> Digest:
        """As `Store.put_tree`; brought to the server by `push`."""
        return self._note(self._here.put_tree(entries))

    def has(self, digest: Digest) -> bool:
        """Whether the server has the object, or will before it is told of it."""
        if digest in self._there:
            return True
        if self._here.has(digest):
            self._note(digest)
            return True
        return digest in self._ask([digest])

    def renew(self, digest: Digest) -> bool:
        """Whether the server has the object, or will; it renews what a command refers to."""
        return self.has(digest)

    def has_copy(self, digest: Digest) -> bool:
        """Whether a copy is here."""
        return self._here.has_copy(digest)

    def copies(self) -> Iterator[Digest]:
        """Every object of which a copy is here."""
        return self._here.copies()

    def ship(self, needed: Iterable[Digest] | None = None) -> None:  # noqa: ARG002  all that waits goes
        """As `push`."""
        self.push()

    def may_be_tree(self, digest: Digest) -> bool:  # noqa: ARG002
        """Nothing shows of an object from afar without reading it."""
        return True

    def read(self, digest: Digest) -> bytes:
        """The object's bytes, verified here."""
        try:
            return self._here.read(digest)
        except (ObjectMissing, ObjectDamaged):
            self._fetch(digest)
            return self._here.read(digest)

    def open_path(self, digest: Digest) -> Path:
        """A verified, read-only copy here."""
        try:
            return self._here.open_path(digest)
        except (ObjectMissing, ObjectDamaged):
            self._fetch(digest)
            return self._here.open_path(digest)

    def size(self, digest: Digest) -> int:
        """The object's length in bytes."""
        try:
            return self._here.size(digest)
        except ObjectMissing:
            sizes = self._ask([digest])
            if digest not in sizes:
                raise
            return sizes[digest]

    def sizes(self, digests: Collection[Digest]) -> list[int]:
        """The lengths of many objects in bytes, in the order of asking."""
        return [self.size(digest) for digest in digests]

    def read_tree(self, digest: Digest) -> dict[str, Digest]:
        """The names and digests of a tree; names are checked here, as in a tree of our own."""
        try:
            return self._here.read_tree(digest)
        except (ObjectMissing, ObjectDamaged):
            self._fetch(digest)
            return self._here.read_tree(digest)

    def restore_folder(
        self, tree: Digest, path: Path, *, only: Collection[str] | None = None, durable: bool = False
    ) -> Restored:
        """As `Store.restore_folder`, from copies here."""
        entries = self.read_tree(tree)
        wanted = set(entries.values() if only is None else map(entries.__getitem__, only))
        _at_once(self._fetch, [digest for digest in wanted if not self._here.has(digest)])
        try:
            return self._here.restore_folder(tree, path, only=only, durable=durable)
        except ObjectDamaged:
            # Some copy here: each is read, and what is not whole is brought anew.
            for digest in wanted:
                self.open_path(digest)
            return self._here.restore_folder(tree, path, only=only, durable=durable)

    def restore_file(self, digest: Digest, path: Path, *, link: bool = False, durable: bool = False) -> None:
        """As `Store.restore_file`, from a copy here."""
        self.open_path(digest)
        self._here.restore_file(digest, path, link=link, durable=durable)

    def digests(self) -> Iterator[Digest]:
        """No list of all objects is given from afar."""
        raise NeedsFiles("listing all objects", self._connection.origin)

    def remove(
        self,
        digests: Collection[Digest],  # noqa: ARG002
        *,
        put_before: float | None = None,  # noqa: ARG002
        leave_no_trace: bool = False,  # noqa: ARG002
    ) -> int:
        """Nothing is removed from afar: `gc` runs where the files are."""
        raise NeedsFiles("removing objects", self._connection.origin)

    def put_since(self, moment: float) -> set[Digest]:  # noqa: ARG002
        """When something was put is known where the files are."""
        raise NeedsFiles("looking at all objects", self._connection.origin)

    def is_sound(self, digest: Digest) -> bool:
        """Of a copy here; what the server keeps is verified by the server."""
        try:
            self.verify(digest)
        except (ObjectMissing, ObjectDamaged):
            return False
        return True

    def assemble(self, digest: Digest, recipe: Recipe) -> bool:  # noqa: ARG002
        """Chunks are put together where the files are."""
        raise NeedsFiles("putting chunks together", self._connection.origin)

    def verify(self, digest: Digest) -> int:
        """Of a copy here; what the server keeps is verified by the server."""
        self.open_path(digest)
        return self._here.verify(digest)

    def ends(self, digest: Digest) -> tuple[bytes, bytes]:
        """As `Store.ends`, of a copy here."""
        self.open_path(digest)
        return self._here.ends(digest)

    def recipe(self, digest: Digest) -> Recipe | None:
        """As `Store.recipe`, of a copy here."""
        self.open_path(digest)
        return self._here.recipe(digest)

    def intake(self) -> Intake:
        """Objects are put one by one from afar, or by `put_folder`."""
        raise NeedsFiles("writing packs", self._connection.origin)

    def scrub(self, sample: float | None = None) -> Scrubbed:  # noqa: ARG002
        """What the server keeps is read by the server: `fsck`."""
        raise NeedsFiles("reading all objects", self._connection.origin)

    def push(self) -> None:
        """Bring to the server what was put since, and what it lacks of it; asked in batches."""
        with self._lock:
            waiting = [digest for digest in self._waiting if digest not in self._there]
        for start in range(0, len(waiting), ASKED_AT_ONCE):
            asked = waiting[start : start + ASKED_AT_ONCE]
            known = self._ask(asked)
            _at_once(self._send, [digest for digest in asked if digest not in known])
        with self._lock:
            for digest in waiting:
                self._waiting.pop(digest, None)

    def doubt(self) -> None:
        """Forget what the server was known to have: it said that something is missing."""
        with self._lock:
            self._waiting.update(dict.fromkeys(self._there))
            self._there.clear()

    def _note(self, digest: Digest) -> Digest:
        with self._lock:
            if digest not in self._there:
                self._waiting[digest] = None
        return digest

    def _ask(self, digests: Sequence[Digest]) -> dict[Digest, int]:
        """Those that the server has, with their sizes."""
        kind, body = self._connection.call("objects.sizes", canonical({"digests": list(digests)}))
        decoder = msgspec.msgpack if kind == MSGPACK else msgspec.json
        try:
            sizes = decoder.decode(body, type=dict[Digest, int])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ForeignAnswer(self._connection.origin, f"its list of objects: {error}") from error
        known = {digest: sizes[digest] for digest in digests if digest in sizes}
        with self._lock:
            self._there.update(known)
        return known

    def _send(self, digest: Digest) -> None:
        """Bring one object; both sides hold it against its digest."""
        path = self._here.open_path(digest)
        answer = self._connection.put("objects", lambda: _pieces(path), path.stat().st_size, digest)
        try:
            kept = msgspec.json.decode(answer, type=dict[str, object]).get("digest")
        except (msgspec.DecodeError, UnicodeDecodeError):
            kept = None
        if kept != digest:
            raise ForeignAnswer(self._connection.origin, f"it kept {digest[:10]}… as something else")
        with self._lock:
            self._there.add(digest)

    def _fetch(self, digest: Digest) -> None:
        """Bring one object here; what is not what it is called never reaches the copies.

        Raises:
            ObjectMissing: the server has none.
            ForeignAnswer: other bytes came.
        """
        if not _is_digest(digest):  # it becomes part of an address
            raise BadDigest(digest)
        with tempfile.NamedTemporaryFile(dir=self._home / "tmp", prefix="fetch-") as scratch:

            def take(said: int, pieces: Iterable[bytes]) -> str:
                scratch.seek(0)
                scratch.truncate()
                return self._take(scratch.file, said, pieces)

            try:
                found = self._connection.fetch(f"objects/{digest}", take)
            except NotFound as error:
                raise ObjectMissing(digest) from error
            if found != digest:
                raise ForeignAnswer(self._connection.origin, f"for {digest[:10]}… it sent {found[:10]}…")
            self._here.put_file(Path(scratch.name))
        with self._lock:
            self._there.add(digest)

    def _take(self, scratch: IO[bytes], said: int, pieces: Iterable[bytes]) -> str:
        """Write down what comes, no more than was announced and has room; gives its digest."""
        if said > shutil.disk_usage(self._home).free:
            raise OutOfSpace(str(self._home))
        hasher, size = blake3.blake3(), 0
        for piece in pieces:
            size += len(piece)
            if size > said:
                raise ForeignAnswer(self._connection.origin, "more bytes come than it announced")
            hasher.update(piece)
            scratch.write(piece)
        scratch.flush()
        return hasher.hexdigest()


def _at_once(move: Callable[[Digest], None], digests: Sequence[Digest]) -> None:
    """Bring many objects, a few at a time."""
    if len(digests) < 2:
        for digest in digests:
            move(digest)
        return
    with threads(AT_ONCE, "ropeway-objects") as pool:
        list(pool.map(move, digests))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(PIECE_BYTES):
            yield piece


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
