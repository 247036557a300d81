"""Holding every stored byte against what it should be. Nothing is changed, nothing is handed out.

Loose files by their names; packs by magic, headers, payloads, index and footer; recipes by their seals;
compressed bytes by a checksum as well, since not every bit of a frame changes what it decodes to. What is
damaged in one place and sound in another is no damage: it is read from there.
"""

import contextlib
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.store.errors import OutOfSpace
from ropeway.store.intake import stored_recipe
from ropeway.store.pack_format import CHUNK, RECIPE
from ropeway.store.packs import Pack, dead_of, has_sound_seal, raw_of
from ropeway.store.recipes import Recipe

if TYPE_CHECKING:
    from ropeway.store.objects import Store


class Scrubbed(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and what was found.

    Attributes:
        objects: how many were looked at.
        read_bytes: how many stored bytes.
        damaged: objects of which no sound copy is left, with the reason in words.
        containers: files whose own order is damaged, though all objects in them may be read.
    """

    objects: int
    read_bytes: int
    damaged: dict[Digest, str]
    containers: list[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not self.damaged and not self.containers


class _Seen:
    """What was found sound and what not, by kind and digest."""

    def __init__(self) -> None:
        self.sound: set[tuple[int, bytes]] = set()
        self.hurt: set[tuple[int, bytes]] = set()
        self.recipes: dict[bytes, Recipe] = {}
        self.read_bytes = 0


def scrub(store: "Store", sample: float | None) -> Scrubbed:
    """Read what is stored, or about so large a share of it, and hold it against its digests."""
    chance = random.Random()  # noqa: S311  which part is looked at need not be secret

    def is_chosen() -> bool:
        return sample is None or chance.random() < sample

    seen, hurt = _Seen(), dict[Digest, str]()
    loose = _scrub_loose(store, seen, hurt, is_chosen)
    containers: list[str] = []
    for pack in store.packed.packs.now():
        try:
            is_whole = _scrub_pack(pack, seen, is_chosen)
        except FileNotFoundError:
            continue  # written anew meanwhile: what lived in it stands elsewhere
        if not is_whole:
            containers.append(pack.path.name)
        if not has_sound_seal(dead_of(pack)):
            containers.append(dead_of(pack).name)
    hurt |= _packed_damage(store, seen)
    damaged = {digest: what for digest, what in hurt.items() if not _is_sound_elsewhere(store, digest)}
    if damaged or containers:
        with contextlib.suppress(OSError, OutOfSpace):
            store.stat_index.forget()
    count = len(loose | {digest for kind, digest in seen.sound | seen.hurt if kind != CHUNK})
    return Scrubbed(objects=count, read_bytes=seen.read_bytes, damaged=damaged, containers=sorted(containers))


def _scrub_loose(
    store: "Store", seen: _Seen, hurt: dict[Digest, str], is_chosen: Callable[[], bool]
) -> set[bytes]:
    """Every loose file; gives what was looked at."""
    looked: set[bytes] = set()
    for digest in store.loose.digests():
        if not is_chosen():
            continue
        try:
            seen.read_bytes += store.loose.path(digest).stat().st_size
            store.loose.check(digest)
        except FileNotFoundError:
            continue  # removed meanwhile
        except Damaged as error:
            hurt[digest] = error.what
        looked.add(bytes.fromhex(digest))
    return looked


def _scrub_pack(pack: Pack, seen: _Seen, is_chosen: Callable[[], bool]) -> bool:
    """Every entry; gives whether the pack's own order is as it was written."""
    with pack.opened() as descriptor:
        fresh = Pack(pack.path)  # as the disk has it now, not as it was when it was first read
        for entry in fresh.entries:
            key = (entry.kind, entry.digest)
            if key in pack.dead or not is_chosen():
                continue
            seen.read_bytes += entry.stored
            if entry.kind == RECIPE:
                recipe = stored_recipe(descriptor, entry)
                is_right = recipe is not None
                if recipe is not None:
                    seen.recipes[entry.digest] = recipe
            else:
                is_right = raw_of(descriptor, entry) is not None
            (seen.sound if is_right else seen.hurt).add(key)
        return fresh.is_sound


def _packed_damage(store: "Store", seen: _Seen) -> dict[Digest, str]:
    """The objects that damaged entries, or chunks that are nowhere, leave without a sound copy."""
    hurt = seen.hurt - seen.sound
    found = {
        Digest(digest.hex()): f"The object {digest.hex()[:10]}… is damaged in its pack."
        for kind, digest in hurt
        if kind != CHUNK
    }
    for kind, digest in store.packed.living():
        if kind != RECIPE:
            continue
        recipe = seen.recipes.get(digest) or store.packed.recipe(Digest(digest.hex()))
        for part in recipe.parts if recipe is not None else ():
            if (CHUNK, part.digest) in hurt:
                found[Digest(digest.hex())] = f"A piece of the object {digest.hex()[:10]}… is damaged."
            elif (CHUNK, part.digest) not in seen.sound and not store.packed.has_chunk(part.digest):
                found[Digest(digest.hex())] = f"A piece of the object {digest.hex()[:10]}… is missing."
    return found


def _is_sound_elsewhere(store: "Store", digest: Digest) -> bool:
    try:
        store.loose.check(digest)
    except (FileNotFoundError, Damaged):
        return store.packed.is_sound(digest)
    return True
