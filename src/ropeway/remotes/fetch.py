"""Bringing objects and refs of a remote here. Nothing becomes a version by it: that is `pull`."""

from collections.abc import Sequence

import msgspec

from ropeway.remotes.choose import chosen_there
from ropeway.remotes.progress import tell
from ropeway.remotes.records import Fetched
from ropeway.remotes.remote import Offer, Remote, open_remote
from ropeway.store import Store
from ropeway.store.depot import Brought
from ropeway.workspace import Context


def fetch(context: Context, refs: Sequence[str], *, source: str | None, refs_only: bool) -> Fetched:
    """Learn which versions are there, and bring the objects of those asked for, or of all.

    What no version here uses may go with the next collection, once it is a day old.
    """
    remote = open_remote(context.project, context.root, context.store, source)
    offers = look(context.store, remote)
    wanted = chosen_there(offers, refs, remote.name) if refs else offers
    brought = Brought() if refs_only else bring_offers(remote, context.store, wanted)
    return Fetched(
        remote=remote.name,
        where=remote.where,
        versions=[f"{remote.name}/{offer.manifest.ref}" for offer in offers],
        objects=brought.objects,
        read_bytes=brought.read_bytes,
        unreadable=remote.unreadable,
    )


def look(store: Store, remote: Remote) -> list[Offer]:
    """The versions that are there, which are remembered as known."""
    offers = remote.offers()
    refs = [f"{remote.name}/{offer.manifest.ref}" for offer in offers]
    store.cache.put(_key(remote.name, remote.where), msgspec.json.encode(refs))
    return offers


def known_refs(store: Store, name: str, where: str) -> list[str]:
    """What the last look found there; nothing where nobody looked, or the cache is gone."""
    kept = store.cache.get(_key(name, where))
    try:
        return [] if kept is None else msgspec.json.decode(kept, type=list[str])
    except msgspec.DecodeError:
        return []


def bring_offers(remote: Remote, store: Store, offers: Sequence[Offer]) -> Brought:
    """Bring all objects of some versions: first those that are named, then what trees among them hold."""
    named = remote.depot.bring(
        store, (each for offer in offers for each in offer.manifest.objects), tick=tell()
    )
    trees = {tree for offer in offers for tree in offer.manifest.trees}
    held = remote.depot.bring(
        store, (each for tree in sorted(trees) for each in store.read_tree(tree).values()), tick=tell()
    )
    return Brought(objects=named.objects + held.objects, read_bytes=named.read_bytes + held.read_bytes)


def _key(name: str, where: str) -> str:
    return f"remote refs {name} {where}"
