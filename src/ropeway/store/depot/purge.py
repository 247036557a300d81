"""Taking away from a depot: packs are written anew without what goes, and the old ones deleted.

Contract: killed anywhere, everything else is still there; at worst twice, or with what should go. Who brings
objects at the same moment and relies on one that goes has to look again (`Depot.look`).
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from ropeway.core.ids import Digest
from ropeway.store.depot.bring import read_place
from ropeway.store.depot.index import index_blob, pack_blob
from ropeway.store.depot.salt import may_hold_trees
from ropeway.store.depot.transfer import Purged
from ropeway.store.errors import BlobMissing
from ropeway.store.pack_format import CHUNK, OBJECT, RECIPE, Entry
from ropeway.store.pack_writer import PackWriter
from ropeway.store.recipes import recipe_of

if TYPE_CHECKING:
    from pathlib import Path

    from ropeway.store.depot.depot import Depot


def purge(depot: "Depot", scratch: "Path", digests: Collection[Digest]) -> Purged:
    """Take objects away, and the chunks that nothing else there is made of."""
    wanted = {bytes.fromhex(digest) for digest in digests}
    chunks = _orphans(depot, wanted)
    going = {(kind, digest) for digest in wanted for kind in (OBJECT, RECIPE)}
    going |= {(CHUNK, digest) for digest in chunks}
    present = {digest for digest in wanted if depot.index.has(digest, OBJECT, RECIPE)}
    touched = {
        pack: [entry for entry in entries if (entry.kind, entry.digest) not in going]
        for pack, entries in depot.index.packs.items()
        if any((entry.kind, entry.digest) in going for entry in entries)
    }
    freed = sum(rewrite(depot, scratch, pack, kept) for pack, kept in touched.items())
    return Purged(objects=len(present), packs=len(touched), freed_bytes=freed)


def rewrite(depot: "Depot", scratch: "Path", pack: str, kept: list[Entry]) -> int:
    """Put a pack's remaining entries into a new one, and delete the old; gives the bytes there less."""
    try:
        data = depot.backend.get(pack_blob(pack))
    except BlobMissing:
        data, kept = b"", []
    are_trees = may_hold_trees(depot.index.packs.get(pack, ()))
    written = 0
    if kept:
        writer, entries = PackWriter(scratch, scratch), []
        for entry in kept:
            entries.append(entry._replace(offset=writer.length))
            writer.add_coded(entry, data[entry.payload_at : entry.end])
        written = depot.put_pack(writer, entries, are_trees=are_trees)
    # The index first: a pack that no index names is not there.
    depot.backend.delete(index_blob(pack))
    depot.backend.delete(pack_blob(pack))
    depot.index.forget([pack])
    return len(data) - written


def _orphans(depot: "Depot", wanted: set[bytes]) -> set[bytes]:
    """The chunks that only recipes name that go. A recipe that cannot be read spares all chunks."""
    going: set[bytes] = set()
    needed: set[bytes] = set()
    is_known = True
    for digest, places in list(depot.index.all_of(RECIPE)):
        found = next((data for place in places if (data := read_place(depot, place)) is not None), None)
        recipe = None if found is None else recipe_of(found)
        if recipe is None:
            is_known = is_known and digest in wanted
            continue
        (going if digest in wanted else needed).update(part.digest for part in recipe.parts)
    return going - needed if is_known else set()
