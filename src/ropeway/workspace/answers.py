"""Answers kept for repeated requests: each with a digest of its own, since no event tells of them.

A damaged one is never given for the first; `ropeway fsck` names it.
"""

import hashlib

from sqlalchemy import Connection, Row, select

from ropeway.core.canonical import canonical
from ropeway.ledger.errors import LedgerDamaged
from ropeway.ledger.tables import answered

SEAL = b"\x01"
"""What a sealed answer begins with, as no JSON does; 32 bytes of SHA-256 and the answer follow."""
HEAD = len(SEAL) + hashlib.sha256().digest_size
JSON_STARTS = b'{["-0123456789tfn'
"""Answers of releases that sealed none begin so."""


def sealed(key: str, operation: str, arguments: str, answer: bytes) -> bytes:
    """An answer as it is kept."""
    return SEAL + _digest(key, operation, arguments, answer) + answer


def answer_in(row: Row[tuple[str, str, str, bytes]]) -> bytes:
    """The answer that a row of `answered` keeps.

    Raises:
        LedgerDamaged: it is not as it was written.
    """
    if not _is_sound(row):
        raise LedgerDamaged(row.key, "the answer kept for this request is not as it was written")
    kept = bytes(row.result)
    return kept[HEAD:] if kept.startswith(SEAL) else kept


def damaged_answers(connection: Connection) -> list[str]:
    """The keys of the answers that are not as they were written."""
    rows = connection.execute(select(answered).order_by(answered.c.key))
    return [row.key for row in rows if not _is_sound(row)]


def _is_sound(row: Row[tuple[str, str, str, bytes]]) -> bool:
    kept = row.result.encode() if isinstance(row.result, str) else bytes(row.result)
    if not kept.startswith(SEAL):
        return kept[:1] in [bytes([start]) for start in JSON_STARTS]
    return kept[len(SEAL) : HEAD] == _digest(row.key, row.operation, row.arguments, kept[HEAD:])


def _digest(key: str, operation: str, arguments: str, answer: bytes) -> bytes:
    return hashlib.sha256(canonical([key, operation, arguments]) + answer).digest()
