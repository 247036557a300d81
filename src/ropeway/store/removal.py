"""Removing objects, and giving their space back.

Contract: works alone; who puts waits. What it was told to remove is gone when it returns, and does not come
back when the power goes; what shares chunks with it stays. A kill at any point leaves every other object as
it was, and at worst some of the removed ones. A reader that holds a pack open reads on; one that comes too
late looks again. Which objects are needed is not known here: `put_before` spares what was put, or put
again, since whoever calls looked.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.store.errors import CannotErase
from ropeway.store.files import sync_folder
from ropeway.store.intake import PACK_BYTES, stored_recipe
from ropeway.store.loose import checked_digest
from ropeway.store.pack_format import CHUNK, FOOTER, MAGIC, RECIPE, RECORD
from ropeway.store.pack_writer import PackWriter
from ropeway.store.packs import Pack

if TYPE_CHECKING:
    from ropeway.store.objects import Store

DEAD_SHARE = 0.25
"""A pack is written anew when so much of it is dead,"""
SMALL_BYTES = 4 << 20
"""or so little of it alive."""


def remove(
    store: "Store", digests: Collection[Digest], *, put_before: float | None, leave_no_trace: bool = False
) -> int:
    """Delete objects; gives the bytes that the disk got back. See the module."""
    with store.gate.removing():
        spared = set() if put_before is None else put_since(store, put_before)
        wanted = {checked for checked in map(checked_digest, digests) if checked not in spared}
        # First of all: an index that remembers what is about to go must not be believed after a kill.
        store.stat_index.forget()
        freed, changed = 0, {store.packed.packs.folder}
        for digest in wanted:
            freed += store.loose.remove(digest)
            store.whole.drop(digest)
            changed |= {store.loose.path(digest).parent, store.whole.path(digest).parent}
        freed += _clean_packs(
            store, {bytes.fromhex(digest) for digest in wanted}, leave_no_trace=leave_no_trace
        )
        store.recent.trim()
        for folder in filter(Path.is_dir, changed):
            sync_folder(folder)
    return freed


def put_since(store: "Store", moment: float) -> set[Digest]:
    """What was put, or put again, at that moment or later; a tree stands for all that it names."""
    recent = {Digest(digest.hex()) for digest in store.recent.since(moment)}
    for digest in store.loose.digests():
        put_at = store.loose.put_at(digest)
        if put_at is not None and put_at >= moment:
            recent.add(digest)
    for pack in store.packed.packs.now():
        if pack.path.stat().st_mtime >= moment:
            recent.update(Digest(entry.digest.hex()) for entry in pack.living() if entry.kind != CHUNK)
    for digest in list(recent):
        try:
            if _may_be_tree(store, digest):
                recent.update(store.read_tree(digest).values())
        except Damaged:
            continue  # no tree, or gone
    return recent


def _may_be_tree(store: "Store", digest: Digest) -> bool:
    """Whether it begins as one. A large object that does not is not read for that."""
    head = store.ends(digest)[0].lstrip()
    return not head or head.startswith(b"{")


def _clean_packs(store: "Store", wanted: set[bytes], *, leave_no_trace: bool) -> int:
    """Mark the dead, and write anew the packs that are mostly dead; gives the bytes freed."""
    packs = store.packed.packs
    needed = _needed_chunks(packs.now(), wanted)
    if leave_no_trace and needed is None:
        raise CannotErase(next((pack.path.name for pack in packs.now() if not is_complete(pack)), "packs"))

    def is_orphan(chunk: bytes) -> bool:
        return needed is not None and chunk not in needed

    to_rewrite: list[tuple[Pack, set[tuple[int, bytes]]]] = []
    for pack in packs.now():
        dead = {
            (entry.kind, entry.digest)
            for entry in pack.living()
            if (entry.digest in wanted if entry.kind != CHUNK else is_orphan(entry.digest))
        }
        if not dead and not pack.dead:
            continue
        if is_complete(pack) and (leave_no_trace or _is_worth_it(pack, dead)):
            to_rewrite.append((pack, dead))
        elif dead:
            packs.mark_dead(pack, dead)
    freed = _rewrite(store, to_rewrite)
    packs.sweep()
    return freed


def _needed_chunks(packs: Sequence[Pack], wanted: set[bytes]) -> set[bytes] | None:
    """The chunks that objects which stay are made of; None where a recipe cannot be read, so nobody knows."""
    needed: set[bytes] = set()
    unread: set[bytes] = set()
    read: set[bytes] = set()
    for pack in packs:
        if not is_complete(pack):
            return None
        with pack.opened() as descriptor:
            for entry in pack.living():
                if entry.kind == RECIPE and entry.digest not in wanted:
                    recipe = stored_recipe(descriptor, entry)
                    (unread if recipe is None else read).add(entry.digest)
                    needed.update(part.digest for part in (recipe.parts if recipe is not None else ()))
    return None if unread - read else needed


def is_complete(pack: Pack) -> bool:
    """Whether all entries of a pack are known: by its index, or by headers up to where the index begins."""
    if pack.is_sound:
        return True
    end = pack.entries[-1].end if pack.entries else len(MAGIC)
    return end + len(pack.entries) * RECORD.size + FOOTER.size == pack.length


def _is_worth_it(pack: Pack, dead: set[tuple[int, bytes]]) -> bool:
    gone = pack.dead | dead
    alive = sum(entry.stored for entry in pack.entries if (entry.kind, entry.digest) not in gone)
    return alive <= max(SMALL_BYTES, (1 - DEAD_SHARE) * pack.length)


def _rewrite(store: "Store", packs: list[tuple[Pack, set[tuple[int, bytes]]]]) -> int:
    """Copy what lives into new packs, as it is stored, and only then drop the old ones."""
    # What was put long ago must not look new, or it would be spared for ever.
    put_at = max((pack.path.stat().st_mtime for pack, _ in packs), default=0.0)
    written, writer = 0, None
    try:
        for pack, dead in packs:
            gone = pack.dead | dead
            with pack.opened() as descriptor:
                for entry in pack.entries:
                    if (entry.kind, entry.digest) in gone:
                        continue
                    writer = writer or PackWriter(store.packed.packs.folder, store.scratch)
                    # Damaged bytes are copied too: they stay damaged, and may be all that is left.
                    writer.add_coded(entry, os.pread(descriptor, entry.stored, entry.payload_at))
                    if writer.length >= PACK_BYTES:
                        full, writer = writer, None
                        written += _published(full, put_at)
        if writer is not None:
            full, writer = writer, None
            written += _published(full, put_at)
    except BaseException:
        if writer is not None:
            writer.discard()
        raise
    freed = sum(pack.length for pack, _ in packs)
    for pack, _ in packs:
        store.packed.packs.drop(pack)
    return freed - written


def _published(writer: PackWriter, put_at: float) -> int:
    writer.publish(modified_at=put_at)
    return writer.target.stat().st_size
