"""The kinds of id, so that no signature says bare `str`, and how a new one is drawn."""

import secrets
from datetime import datetime
from typing import NewType

Digest = NewType("Digest", str)
"""BLAKE3 of some bytes, 64 lower-case hex digits."""
EventId = NewType("EventId", str)
PersonId = NewType("PersonId", str)
RunId = NewType("RunId", str)
JobId = NewType("JobId", str)
PredictionId = NewType("PredictionId", str)
DatasetName = NewType("DatasetName", str)
ModelName = NewType("ModelName", str)

# Crockford's base32 in lower case: no 'i', 'l', 'o', 'u', so nothing to misread.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
ID_LENGTH = 12
ORDERED_LENGTH = 18
RANDOM_BITS = 42


def new_id(prefix: str) -> str:
    """A fresh id such as `run_4k2m9x7q0a1b`, with 60 random bits."""
    return f"{prefix}_{_digits(secrets.randbits(5 * ID_LENGTH), ID_LENGTH)}"


def ordered_id(prefix: str, at: datetime) -> str:
    """A fresh id that sorts by its time: 48 bits of milliseconds since 1970, then 42 random ones.

    For rows of which there are many: an index of ids that come in order grows at its end, where one of random
    ids is written all over, several times as many pages for the same rows.
    """
    number = int(at.timestamp() * 1e3) << RANDOM_BITS | secrets.randbits(RANDOM_BITS)
    return f"{prefix}_{_digits(number, ORDERED_LENGTH)}"


def _digits(number: int, length: int) -> str:
    return "".join([PAIRS[number >> shift & 1023] for shift in range(5 * (length - 2), -1, -10)])
