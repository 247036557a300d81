"""What sets a store's packs apart: a few bytes of chance in each, so that no two are ever the same blob.

A pack is named by its bytes. Where packs are thrown away while others bring the same objects anew, those must
arrive under another name: else the one who throws away takes what has just come. How long the salt is tells
whether trees may be in the pack, so that who looks for trees need not read all others.
"""

import os
from collections.abc import Sequence

import blake3

from ropeway.store import coding
from ropeway.store.pack_format import CHUNK, Entry
from ropeway.store.pack_writer import PackWriter

PLAIN_BYTES = 16
TREES_BYTES = 32


def add_salt(writer: PackWriter, *, are_trees: bool) -> Entry:
    """Write it as a piece that no object is made of; gives its entry."""
    data = os.urandom(TREES_BYTES if are_trees else PLAIN_BYTES)
    digest, check = blake3.blake3(data).digest(), coding.check(coding.RAW, data)
    entry = Entry(digest, writer.length, len(data), len(data), check, CHUNK, coding.RAW)
    writer.add_coded(entry, data)
    return entry


def is_salt(entry: Entry) -> bool:
    """Whether it may be one. The last piece of an object can be as short: then something needs it."""
    return entry.kind == CHUNK and entry.raw in (PLAIN_BYTES, TREES_BYTES)


def may_hold_trees(entries: Sequence[Entry]) -> bool:
    """Whether trees may be in a pack, by its salt, which is its last entry; in one without any they may."""
    return not entries or entries[-1].kind != CHUNK or entries[-1].raw != PLAIN_BYTES
