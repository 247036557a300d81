"""One digest over many records that gives none of them away: a Merkle tree with salted leaves.

The tree is RFC 6962's: SHA-256, leaves begin with 0x00 and inner nodes with 0x01, and a lone node at the end
of a level goes up as it is. A leaf is hashed with a salt of its own, drawn from the segment's secret, so that
the root can be public, and one record can be shown with its path without the others becoming guessable.
"""

import hashlib
import secrets
from collections.abc import Iterable

SALT_BYTES = 32
LEAF, NODE = b"\x00", b"\x01"


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
    sha256 = hashlib.sha256
    level = [sha256(LEAF + leaf_salt(salt, place) + record).digest() for place, record in enumerate(records)]
    if not level:
        return sha256().hexdigest()
    while len(level) > 1:
        pairs = [
            sha256(NODE + level[place] + level[place + 1]).digest() for place in range(0, len(level) - 1, 2)
        ]
        level = pairs + level[len(pairs) * 2 :]
    return level[0].hex()


def leaf_salt(salt: bytes, place: int) -> bytes:
    """What one leaf is salted with; tells nothing of the segment's secret."""
    return hashlib.sha256(salt + place.to_bytes(8, "big")).digest()
