"""Opening a workspace's store: in its own folder, or at a backend, of which the folder then holds copies.

`.ropeway/store.json` says of what. Settings that say something else are refused: they would let events refer
to objects that only this folder has, or look for them where they are not.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from ropeway.core.canonical import canonical
from ropeway.store import Store
from ropeway.store.backends import Backend, LocalBackend, open_backend
from ropeway.store.bucket import Bucket, BucketStore
from ropeway.store.errors import BackendUnavailable, StoreElsewhere
from ropeway.store.files import make_private, publish, write_all
from ropeway.store.objects import ELSEWHERE
from ropeway.workspace.place import store_address
from ropeway.workspace.tables.remote import S3

Owner = Callable[[], str | None]
"""Gives the id of the ledger that refers to the objects; None where it is not known."""


class Kept(msgspec.Struct, frozen=True):
    """Where the objects are of which the folder holds copies, and whether it has brought any there."""

    address: str = ""
    was_used: bool = False


def open_store(home: Path, *, owner: Owner = lambda: None) -> Store:
    """The objects of a workspace, where its settings say. Nothing is asked of the network yet.

    Args:
        home: the workspace's own folder.
        owner: whose objects they are.

    Raises:
        StoreElsewhere: they are not where the settings say.
        BadBackend: the setting names neither a bucket nor a folder.
    """
    said, kept = store_address(home), kept_at(home)
    if said != kept.address:
        store = Store(home)
        if kept.address or next(iter(store.digests()), None) is not None:
            raise StoreElsewhere(kept.address, said)
        note_kept(home, Kept(said))
    return open_kept(home, owner=owner)


def open_kept(home: Path, *, owner: Owner = lambda: None) -> Store:
    """The objects of a workspace where they are, whatever its settings say."""
    kept = kept_at(home)
    return store_at(home, kept, owner=owner) if kept.address else Store(home)


def store_at(home: Path, kept: Kept, *, owner: Owner = lambda: None, is_new: bool = False) -> BucketStore:
    """The store at an address, with its copy in a workspace's own folder.

    Args:
        home: the workspace's own folder.
        kept: the address.
        owner: whose objects they are.
        is_new: whether the objects are only being moved there: nothing is noted here, and that they were once
            moved away from there counts no more.
    """

    def bucket_for(here: Store) -> Bucket:
        return Bucket(
            kept.address,
            lambda: _connect(kept),
            here,
            owner=owner,
            was_used=kept.was_used,
            note_used=None if is_new else lambda: note_kept(home, Kept(kept.address, was_used=True)),
        )

    return BucketStore(home, bucket_for)


def kept_at(home: Path) -> Kept:
    """Where the objects are of which a folder holds copies; nowhere else, where it holds the objects."""
    try:
        return msgspec.json.decode((home / ELSEWHERE).read_bytes(), type=Kept)
    except FileNotFoundError:
        return Kept()
    except msgspec.DecodeError as error:
        raise BackendUnavailable(str(home / ELSEWHERE), f"it does not read ({error})") from error


def note_kept(home: Path, kept: Kept) -> None:
    """Say where the objects are; durable on return."""
    if not kept.address:
        (home / ELSEWHERE).unlink(missing_ok=True)
        return
    for folder in (home, home / "tmp"):
        make_private(folder)
    data = canonical(kept)
    publish(home / ELSEWHERE, home / "tmp", lambda to: write_all(to, data), durable=True, mode=0o600)


def _connect(kept: Kept) -> Backend:
    if kept.address.startswith(S3):
        return open_backend(kept.address)
    folder = Path(kept.address)
    # A disk that is not mounted must not be taken for an empty store.
    if not folder.is_dir() and (kept.was_used or not folder.parent.is_dir()):
        raise BackendUnavailable(kept.address, "there is no such folder")
    return LocalBackend(folder)
