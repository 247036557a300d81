"""Who is answered by which version: a number for each entity, cut by the shares.

Nothing is remembered, so every process and every restart divides alike.
"""

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import blake3

from ropeway.core.canonical import NotCanonical, canonical

SPAN = 2.0**64


class Division:
    """Cuts the numbers from 0 to 1: the first arm takes [0, s1), the second [s1, s1 + s2), live the rest.

    With the same salt, a raised share keeps everybody who was in the first arm, and the others only move
    towards it.

    Args:
        salt: decides who falls where; another one deals anew.
        shares: those of the arms, in order.
    """

    def __init__(self, salt: str, shares: Sequence[float]) -> None:
        self.salt = salt
        self.bounds = tuple(accumulate(shares))

    def arm_of(self, entity: str) -> int | None:
        """The arm's place, None for live. An entity that is none ('') is dealt afresh each time."""
        point = point_of(self.salt, entity) if entity else random.random()  # noqa: S311  no secret
        return next((at for at, bound in enumerate(self.bounds) if point < bound), None)


def point_of(salt: str, entity: str) -> float:
    """Where an entity lies from 0 to 1: the first 8 bytes of BLAKE3(salt + entity), over 2^64.

    Example:
        >>> round(point_of("salt-1", "customer-7"), 6)
        0.113237
    """
    return int.from_bytes(blake3.blake3((salt + entity).encode()).digest(8), "big") / SPAN


def entity_text(value: Any) -> str:
    """The one text of an entity: text as it is, anything else as canonical JSON; '' when it is none.

    The number 7, 7.0 and the text "7" are the same entity. Null and the empty text are none.

    Example:
        >>> entity_text("ana"), entity_text(7.0), entity_text(None)
        ('ana', '7', '')
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    try:
        return canonical(value).decode()
    except NotCanonical:
        return ""
