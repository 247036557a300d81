"""The kinds of id, so that no signature says bare `str`, and how a new one is drawn."""

import secrets
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
ID_LENGTH = 12


def new_id(prefix: str) -> str:
    """A fresh id such as `run_4k2m9x7q0a1b`, with 60 random bits."""
    number = secrets.randbits(5 * ID_LENGTH)
    return f"{prefix}_" + "".join(ALPHABET[number >> shift & 31] for shift in range(0, 5 * ID_LENGTH, 5))
