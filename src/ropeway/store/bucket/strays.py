"""Packs that no index names: whoever brought them was killed in between, or is at it still.

Nobody can read them, and a bucket keeps them for ever. A collection marks them beside what is dead, without a
place in them, and takes those that were marked for the grace and have no index still.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from ropeway.store.depot.index import PACK_SUFFIX, PACKS, index_blob, pack_blob

if TYPE_CHECKING:
    from ropeway.store.depot import Depot

Sizes = dict[str, int]
"""Bytes by the name of a pack."""


def packs_at(depot: "Depot") -> Sizes:
    """Every pack that lies there, whatever the indexes say."""
    begins = f"{PACKS}/"
    return {
        blob.name[len(begins) : -len(PACK_SUFFIX)]: blob.size_bytes
        for blob in depot.backend.list(PACKS)
        if blob.name.endswith(PACK_SUFFIX)
    }


def strays_among(depot: "Depot", listed: Sizes) -> Sizes:
    """Those of the packs that have no index, as of a look that came after they were listed."""
    known = depot.index.packs.keys() | depot.index.unread
    return {pack: size for pack, size in listed.items() if pack not in known}


def drop_strays(depot: "Depot", strays: Sizes, ripe: Collection[str]) -> int:
    """Delete those that were marked long ago; gives the bytes there less."""
    freed = 0
    for pack in sorted(strays.keys() & set(ripe)):
        # Whoever slept between pack and index may be awake again.
        if not depot.backend.has(index_blob(pack)):
            depot.backend.delete(pack_blob(pack))
            freed += strays.pop(pack)
    return freed
