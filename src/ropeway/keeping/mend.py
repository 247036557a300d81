"""Bringing back what `fsck` found damaged or missing, from a store or a remote; making projections again.

What is brought is held against its digest on both sides. Records of the ledger are not mended: there is no
second source for them but a backup.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from ropeway.core.errors import Damaged, Unavailable
from ropeway.core.ids import Digest
from ropeway.keeping.errors import NoSource
from ropeway.keeping.fsck import SoundnessReport
from ropeway.keeping.operations import fsck, rebuild
from ropeway.remotes.remote import Remote
from ropeway.store import Store
from ropeway.store.bucket import BucketStore
from ropeway.workspace import Workspace
from ropeway.workspace.place import HOME


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What could be mended, and how it stands now.

    Attributes:
        objects: those that were brought.
        not_found: those that the source does not have sound either.
        rebuilt: whether projections were made again.
        after: what `fsck` then finds.
    """

    objects: list[Digest]
    not_found: list[Digest]
    rebuilt: bool
    after: SoundnessReport


def mend(
    workspace: Workspace, report: SoundnessReport, source: Path | None, *, remotes: Sequence[Remote] = ()
) -> Mended:
    """Mend what a report names.

    Args:
        workspace: where.
        report: what `fsck` found.
        source: a project, a workspace's folder or a backup's, whose objects are looked at; None for none.
        remotes: those that are asked for what it does not have.

    Raises:
        NoSource: there is no store there.
    """
    other = None if source is None else store_in(source)
    hurt = [each.digest for each in report.findings if each.digest is not None]
    store = workspace.store
    # A store in a bucket has two sides, each of which may have what the other lacks.
    left = store.heal(hurt) if isinstance(store, BucketStore) else hurt
    brought = [digest for digest in hurt if digest not in left]
    not_found: list[Digest] = []
    for digest in left:
        is_here = (other is not None and _bring(workspace.store, other, digest)) or any(
            _fetch(workspace.store, remote, digest) for remote in remotes
        )
        (brought if is_here else not_found).append(digest)
    store.ship()
    # A tree that was brought may speak of members that were not known to be missing.
    is_derived = any(each.is_derived for each in report.findings)
    if is_derived:
        rebuild(workspace)
    after = fsck(workspace) if brought or is_derived else report
    fresh = {each.digest for each in after.findings if each.digest} - {*hurt}
    if brought and fresh:
        again = mend(workspace, after, source, remotes=remotes)
        return msgspec.structs.replace(again, objects=[*brought, *again.objects], rebuilt=is_derived)
    return Mended(objects=brought, not_found=not_found, rebuilt=is_derived, after=after)


def store_in(folder: Path) -> Store:
    """The store of a project, of a workspace, or of a folder of backups.

    Raises:
        NoSource: there is none.
    """
    for home in (folder / HOME, folder):
        if (home / "objects").is_dir():
            return Store(home)
    raise NoSource(folder)


def _bring(target: Store, source: Store, digest: Digest) -> bool:
    try:
        return target.put_file(source.open_path(digest)) == digest
    except Damaged:
        return False


def _fetch(target: Store, remote: Remote, digest: Digest) -> bool:
    try:
        remote.depot.bring(target, [digest], doubtful=True)
    except (Damaged, Unavailable):
        return False
    return True
