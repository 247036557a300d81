"""What came of moving objects, as small records, and who is told on the way."""

from collections.abc import Callable

import msgspec

from ropeway.core.ids import Digest

Tick = Callable[[int, int], None]
"""Called as `tick(done_bytes, all_bytes)`."""


def silent(_done: int, _all: int) -> None:
    """Tells nobody."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What was brought to a depot.

    Attributes:
        objects: how many objects lacked something there.
        packs: how many packs were written.
        raw_bytes: what lacked, before it was compressed.
        sent_bytes: what travelled.
    """

    objects: int = 0
    packs: int = 0
    raw_bytes: int = 0
    sent_bytes: int = 0


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What was brought from a depot: how many objects, and the bytes that travelled."""

    objects: int = 0
    read_bytes: int = 0


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a depot found.

    Attributes:
        packs: how many there are.
        read_bytes: how many bytes were read.
        damaged: packs whose bytes are not what they were, with the digests that are damaged in them.
        lost: the digests among them of which no sound copy is there.
    """

    packs: int = 0
    read_bytes: int = 0
    damaged: dict[str, list[Digest]] = {}
    lost: list[Digest] = []


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken away from a depot: objects, packs written anew without them, bytes there less."""

    objects: int = 0
    packs: int = 0
    freed_bytes: int = 0
