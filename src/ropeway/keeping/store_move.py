"""Moving a workspace's objects: from its folder to a bucket, to another one, or back.

What is there already does not travel. The last part is done while nobody writes, and then the folder says
where the objects are: cut off before, they are where they were, and the same command goes on.
"""

import msgspec

from ropeway.store import Store
from ropeway.store.bucket import BucketStore
from ropeway.store.errors import LOCAL
from ropeway.workspace import Context
from ropeway.workspace.place import normal_address
from ropeway.workspace.stores import Kept, kept_at, note_kept, store_at


class MovedStore(msgspec.Struct, frozen=True, kw_only=True):
    """Where the objects are now, how many, and whether that is where they were."""

    to: str
    objects: int
    was_there: bool = False


def move_store(context: Context, to: str) -> MovedStore:
    """Bring every object to another place, and say that it is there from now on.

    Args:
        context: over the store as it is.
        to: `s3://BUCKET/PREFIX`, the path of a folder, or `local` for the workspace's own.

    Raises:
        BadBackend: it names none of these.
        StoreTaken: something else lies there.
        BackendUnavailable: one of the two cannot be reached; what arrived stays.
    """
    address, kept = normal_address(to, context.root), kept_at(context.home)
    source = context.store
    if address == kept.address:
        return MovedStore(to=address or LOCAL, objects=sum(1 for _ in source.digests()), was_there=True)
    target = None
    if address:
        target = store_at(context.home, Kept(address), owner=lambda: context.ledger_id, is_new=True)
    _carry(source, target)
    with context.again() as writing:
        writing.begin(alone=True)
        count = _carry(source, target)
        if target is not None:
            target.bucket.welcome()
        if isinstance(source, BucketStore):
            now = context.ledger.now(writing.read).timestamp()
            source.bucket.leave(address, now)
        note_kept(context.home, Kept(address, was_used=bool(address)))
    return MovedStore(to=address or LOCAL, objects=count)


def _carry(source: Store, target: BucketStore | None) -> int:
    """Everything here, and then all of it there; gives how many objects."""
    every = list(source.digests())
    if isinstance(source, BucketStore):
        source.fetch(every)
    if target is not None:
        target.ship(every)
    return len(every)
