"""Bringing versions to a remote: what lacks there, then their manifests, then their refs."""

from collections.abc import Sequence

from ropeway.remotes.choose import chosen_here
from ropeway.remotes.errors import RemoteChanged
from ropeway.remotes.manifest import closure
from ropeway.remotes.progress import tell
from ropeway.remotes.records import Pushed
from ropeway.remotes.remote import open_remote
from ropeway.workspace import Context


def push(
    context: Context, refs: Sequence[str], *, to: str | None, everything: bool, with_data: bool, verify: bool
) -> Pushed:
    """Bring versions there; what was broken off goes on where it was when this is repeated.

    Args:
        context: from where.
        refs: which versions.
        to: which remote.
        everything: all versions.
        with_data: what models learnt from as well.
        verify: read there what they need, and bring again what is damaged.

    Raises:
        RemoteChanged: somebody took something away meanwhile.
    """
    chosen = chosen_here(context, refs, everything=everything, with_data=with_data)
    remote = open_remote(context.project, context.root, context.store, to, writes=True)
    needed = closure(context.store, chosen.manifests)
    checked = None
    if verify:
        # What is damaged counts as not there, and so is brought again.
        checked = remote.depot.check([each for each in needed if remote.depot.has(each)], tick=tell())
    sent = remote.depot.send(context.store, needed, tick=tell())
    if checked is not None:
        remote.depot.drop_damaged(context.store.scratch, checked)
    # Last of all what makes it visible, and only while all of it is there.
    remote.depot.look()
    gone = [digest for digest in needed if not remote.depot.has(digest)]
    if gone:
        raise RemoteChanged(remote.where, len(gone))
    new = [made.ref for made in remote.publish(chosen.manifests)]
    return Pushed(
        remote=remote.name,
        where=remote.where,
        versions=[made.ref for made in chosen.manifests],
        new=new,
        left_out=chosen.left_out,
        objects=sent.objects,
        packs=sent.packs,
        raw_bytes=sent.raw_bytes,
        sent_bytes=sent.sent_bytes,
        checked=checked,
    )
