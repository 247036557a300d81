"""One digest over many records that gives none of them away: a Merkle tree with salted leaves.

The tree is `core.merkle`'s. A leaf is hashed with a salt of its own, drawn from the segment's secret, so that
the root can be public, and one record can be shown with its path without the others becoming guessable.
"""

import hashlib
import secrets
from collections import deque
from collections.abc import Iterable

from ropeway.core.merkle import Frontier, leaf_hash

SALT_BYTES = 32


def new_salt() -> bytes:
    """A fresh secret for one segment."""
    return secrets.token_bytes(SALT_BYTES)


def root_of(salt: bytes, records: Iterable[bytes]) -> str:
    """The root of the tree over some records, in hex.

    Args:
        salt: the segment's secret.
        records: the leaves' bytes, in order.

    Example:
        >>> root_of(bytes(32), [b"one", b"two"])[:16]
        'f168430a863e8164'
    """
    frontier = Frontier()
    for place, record in enumerate(records):
        deque(frontier.add(leaf_hash(leaf_salt(salt, place) + record)), maxlen=0)
    return frontier.root().hex()


def leaf_salt(salt: bytes, place: int) -> bytes:
    """What one leaf is salted with; tells nothing of the segment's secret."""
    return hashlib.sha256(salt + place.to_bytes(8, "big")).digest()
