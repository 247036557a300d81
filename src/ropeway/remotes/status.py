"""What is here, what is there, and what would travel."""

from ropeway.remotes.choose import chosen_here
from ropeway.remotes.fetch import look
from ropeway.remotes.manifest import VersionManifest, closure, is_whole
from ropeway.remotes.progress import tell
from ropeway.remotes.records import RemoteStatus, VersionStanding
from ropeway.remotes.remote import open_remote
from ropeway.store.pack_format import OBJECT, RECIPE
from ropeway.workspace import Context


def status(context: Context, remote: str | None, *, verify: bool) -> RemoteStatus:
    """Compare; with `verify`, read every byte there. Changes nothing, here or there."""
    opened = open_remote(context.project, context.root, context.store, remote)
    offers = {_key(offer.manifest): offer.manifest for offer in look(context.store, opened)}
    ours = {_key(made): made for made in chosen_here(context, [], everything=True, with_data=False).manifests}
    depot, store = opened.depot, context.store
    to_push = [made for key, made in ours.items() if key not in offers]
    to_pull = [made for key, made in offers.items() if not is_whole(store, made)]
    checked = depot.check(tick=tell()) if verify else None
    return RemoteStatus(
        remote=opened.name,
        where=opened.where,
        versions=[
            VersionStanding(
                ref=(ours.get(key) or offers[key]).ref,
                version=(ours.get(key) or offers[key]).version,
                here=key in ours,
                there=key in offers,
                fetched=is_whole(store, ours.get(key) or offers[key]),
                size_bytes=(ours.get(key) or offers[key]).size_bytes,
                state=offers[key].state if key in offers else "",
            )
            for key in sorted({*ours, *offers})
        ],
        push_bytes=depot.lacking_bytes(store, closure(store, to_push)),
        pull_bytes=sum(made.size_bytes for made in to_pull),
        objects=sum(1 for kind in (OBJECT, RECIPE) for _ in depot.index.all_of(kind)),
        packs=len(depot.index.packs),
        stored_bytes=sum(entry.stored for entries in depot.index.packs.values() for entry in entries),
        unreadable=opened.unreadable,
        lacking=sorted(made.ref for made in offers.values() if not all(map(depot.has, made.objects))),
        checked=checked,
    )


def _key(manifest: VersionManifest) -> tuple[str, str, str]:
    return manifest.kind, manifest.name, manifest.version
