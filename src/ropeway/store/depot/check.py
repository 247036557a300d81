"""Reading a depot whole: is what lies there what was brought?"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import blake3

from ropeway.core.ids import Digest
from ropeway.store.depot.bring import read_place
from ropeway.store.depot.index import AT_ONCE, Place, pack_blob
from ropeway.store.depot.transfer import Checked, Tick
from ropeway.store.errors import BlobMissing
from ropeway.store.pack_format import RECIPE
from ropeway.store.recipes import recipe_of
from ropeway.store.threads import threads

if TYPE_CHECKING:
    from ropeway.store.depot.depot import Depot


def check(depot: "Depot", packs: list[str], *, tick: Tick) -> Checked:
    """Read packs, every byte of them. What is damaged is not counted as there from now on."""
    read, damaged = 0, dict[str, list[Digest]]()
    with threads(AT_ONCE, "depot-check") as pool:
        for first in range(0, len(packs), AT_ONCE):
            part = packs[first : first + AT_ONCE]
            for pack, size in zip(part, pool.map(lambda each: _read(depot, each), part), strict=True):
                read += abs(size)
                if size <= 0:
                    damaged[pack] = _damaged_in(depot, pack)
            tick(min(first + AT_ONCE, len(packs)), len(packs))
    lost = {
        digest
        for pack, digests in damaged.items()
        for digest in digests
        if not any(
            depot.index.has(entry.digest, entry.kind)
            for entry in depot.index.packs.get(pack, [])
            if entry.digest.hex() == digest
        )
    }
    for pack in depot.index.unread:
        damaged.setdefault(pack, [])
    return Checked(packs=len(packs), read_bytes=read, damaged=damaged, lost=sorted(lost))


def pieces_of(depot: "Depot", digests: Iterable[Digest]) -> set[bytes]:
    """Objects with the chunks that they are made of there."""
    wanted = {bytes.fromhex(digest) for digest in digests}
    for digest in list(wanted):
        for place in depot.index.find(digest, RECIPE):
            found = read_place(depot, place)
            recipe = None if found is None else recipe_of(found)
            wanted.update(part.digest for part in (recipe.parts if recipe else ()))
    return wanted


def is_sound(depot: "Depot", pack: str) -> bool:
    """Whether the bytes of a pack are those that name it."""
    return _read(depot, pack) > 0


def _read(depot: "Depot", pack: str) -> int:
    """How many bytes a pack has; negative, or none, where they are not those that name it."""
    try:
        data = depot.backend.get(pack_blob(pack))
    except BlobMissing:
        return 0
    return len(data) if blake3.blake3(data).hexdigest() == pack else -len(data)


def _damaged_in(depot: "Depot", pack: str) -> list[Digest]:
    """What in a pack cannot be read; where all can, the damage lies between."""
    places = [Place(pack, entry) for entry in depot.index.packs[pack]]
    hurt = [place for place in places if read_place(depot, place) is None]
    depot.index.doubt(hurt)
    return [Digest(place.entry.digest.hex()) for place in hurt]
