"""The id of a prediction: where its record lies, so that finding it needs no index and no database.

`p-4k2m9x7q-1-a3` is replica `4k2m9x7q`, its segment 1, the record with ordinal 323 (base 32, with the
digits of `core.ids`).
"""

import re
import secrets

import msgspec

from ropeway.core.ids import ALPHABET, PredictionId

REPLICA_LENGTH = 8
_VALUES = {digit: value for value, digit in enumerate(ALPHABET)}
# Ten digits of base 32 hold any ordinal and stop a hostile id from growing a number without end.
_FORM = re.compile(
    rf"p-([{ALPHABET}]{{{REPLICA_LENGTH}}})-([{ALPHABET}]{{1,10}})-([{ALPHABET}]{{1,10}})", re.ASCII
)


class Place(msgspec.Struct, frozen=True):
    """Where a record lies: the replica that wrote it, its segment, its ordinal there."""

    replica: str
    segment: int
    ordinal: int

    @property
    def file_name(self) -> str:
        """The segment's file, within its folder."""
        return segment_name(self.replica, self.segment)

    def id(self) -> PredictionId:
        """The id that names this place."""
        return PredictionId(f"p-{self.replica}-{to_base32(self.segment)}-{to_base32(self.ordinal)}")


def new_replica() -> str:
    """A fresh name for one writing process, with 40 random bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(REPLICA_LENGTH))


def segment_name(replica: str, segment: int) -> str:
    """The file name of a replica's segment."""
    return f"{replica}-{segment}.seg"


def to_base32(number: int) -> str:
    """A number from 0 up in Crockford's base 32, without leading zeros."""
    digits = ALPHABET[number & 31]
    while number := number >> 5:
        digits = ALPHABET[number & 31] + digits
    return digits


def from_base32(text: str) -> int:
    """The number that `to_base32` wrote."""
    number = 0
    for digit in text:
        number = number * 32 + _VALUES[digit]
    return number


def parse_id(text: str) -> Place | None:
    """Where the record of an id lies; None when it is not the id of a prediction.

    Example:
        >>> parse_id("p-4k2m9x7q-1-a3")
        Place(replica='4k2m9x7q', segment=1, ordinal=323)
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    replica, segment, ordinal = match.groups()
    place = Place(replica, from_base32(segment), from_base32(ordinal))
    # One place has one id: 'p-…-01-a3' is not a second name for it.
    return place if place.id() == text else None
