"""How references and moments are written for people."""

from datetime import datetime

from ropeway.core.hashing import short
from ropeway.core.ids import Digest

DIGEST_LENGTH = 64


def shortened(ref: str) -> str:
    """A reference as people read it: digests cut to their beginning.

    Example:
        >>> shortened("dataset:tweets@" + "ab" * 32)
        'dataset:tweets@ababababab'
    """
    head, mark, tail = ref.rpartition("@" if "@" in ref else ":")
    is_digest = len(tail) == DIGEST_LENGTH and set(tail) <= set("0123456789abcdef")
    return head + mark + (short(Digest(tail)) if is_digest else tail)


def day(moment: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M}"


def identity_of(ref: str) -> str:
    """What stands behind the kind: `sentiment@2` of `model:sentiment@2`."""
    return ref.partition(":")[2]


def step_name(share: float) -> str:
    """A step of a rollout: `shadow`, `10 %`."""
    return f"{share * 100:g} %" if share else "shadow"
