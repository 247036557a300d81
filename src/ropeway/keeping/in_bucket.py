"""A store in a bucket held against what events need of it, and copies here that may go since it has them."""

from collections.abc import Collection

import msgspec

from ropeway.core.hashing import short
from ropeway.core.ids import Digest
from ropeway.keeping.liveness import TREE_BEGINS, Needs, judge
from ropeway.keeping.settings import retention_of
from ropeway.store.bucket import Bucket, BucketStore
from ropeway.workspace import Context

NOT_OF_EVENTS = ("open-run", "open-job")
"""What begins so is kept alive by this machine alone: no other that collects knows of it."""


class Offloaded(msgspec.Struct, frozen=True, kw_only=True):
    """Copies that went from the workspace's folder, the bytes that freed, and where the objects are."""

    objects: int = 0
    freed_bytes: int = 0
    store: str = ""


class BucketRead(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a bucket found.

    Attributes:
        hurt: objects of which a part is damaged there, or that are not there, in words.
        packs: sentences on packs that are damaged though all of their objects are elsewhere.
        read_bytes: how much was read.
    """

    hurt: dict[Digest, str]
    packs: list[str]
    read_bytes: int


def read_bucket(bucket: Bucket, needed: Collection[Digest], *, parts: int, part: int) -> BucketRead:
    """Read a bucket's packs, or one of so many parts of them; and miss what events need."""
    found = bucket.check(lambda pack: int(pack[-8:], 16) % parts == part)
    hurt = {
        digest: f"The object {short(digest)}… is damaged in '{bucket.where}'."
        for digest in bucket.objects_of(found.lost)
    }
    hurt |= {
        digest: f"The object {short(digest)}… is needed, and not in '{bucket.where}'."
        for digest in needed
        if digest not in hurt and not bucket.holds(digest)
    }
    lost = set(found.lost)
    packs = [
        f"The pack '{short(pack)}…' in '{bucket.where}' is damaged; what it holds is there elsewhere."
        for pack, pieces in sorted(found.damaged.items())
        if not lost & set(pieces)
    ]
    return BucketRead(hurt=hurt, packs=packs, read_bytes=found.read_bytes)


def offload(context: Context) -> Offloaded:
    """Delete copies here of what events need and the bucket has; the next read brings them again."""
    store = context.store
    if not isinstance(store, BucketStore):
        return Offloaded()
    settings = retention_of(context.project, context.root)
    alive = judge(context, needs=Needs(), settings=settings).alive
    # Trees stay: they are small, and everything that looks for what is needed reads them.
    going = [
        digest for digest in store.copies() if _may_go(alive.get(digest)) and not _is_tree(store, digest)
    ]
    objects, freed = store.offload(going)
    return Offloaded(objects=objects, freed_bytes=freed, store=store.bucket.where)


def _may_go(why: str | None) -> bool:
    return why is not None and not why.startswith(NOT_OF_EVENTS)


def _is_tree(store: BucketStore, digest: Digest) -> bool:
    return store.ends(digest)[0].startswith(TREE_BEGINS)
