"""Proofs for somebody who trusts a head and not us: an event is in the ledger; a ledger only grew."""

from sqlalchemy import Connection, select

from ropeway.core import merkle
from ropeway.core.errors import NotFound
from ropeway.core.note import parse_checkpoint
from ropeway.keeping.audit.records import ConsistencyProof, InclusionProof
from ropeway.ledger.journal import get_meta
from ropeway.ledger.tables import checkpoint, event
from ropeway.ledger.tree import reader, root_at, size_of
from ropeway.ledger.upgrade import LEDGER_ID


def prove_event(connection: Connection, seq: int, size: int | None) -> InclusionProof:
    """The proof that an event stands under a head; see `audit.prove`."""
    record = connection.execute(select(event.c.record).where(event.c.seq == seq)).scalar()
    if record is None:
        raise NotFound("event", str(seq), next_step="ropeway log   shows the last events with their numbers")
    note = None
    if size is None:
        # The newest: a proof is of use for as long as somebody holds the head that it leads to.
        newest = select(checkpoint.c.note).where(checkpoint.c.size >= seq).order_by(checkpoint.c.size.desc())
        note = connection.execute(newest.limit(1)).scalar()
        size = parse_checkpoint(note).size if note is not None else size_of(connection)
    else:
        note = connection.execute(select(checkpoint.c.note).where(checkpoint.c.size == size)).scalar()
        _check_size(connection, size, at_least=seq)
    path = merkle.prove_inclusion(seq - 1, size, reader(connection))
    return InclusionProof(
        ledger=get_meta(connection, LEDGER_ID) or "",
        seq=seq,
        record=record.decode(),
        size=size,
        root=root_at(connection, size).hex(),
        path=[node.hex() for node in path],
        checkpoint=note,
    )


def prove_growth(connection: Connection, first: int, second: int) -> ConsistencyProof:
    """The proof that the ledger only grew between two sizes; see `audit.consistency`."""
    first, second = sorted((first, second))
    _check_size(connection, second, at_least=first)
    path = merkle.prove_consistency(first, second, reader(connection))
    return ConsistencyProof(
        ledger=get_meta(connection, LEDGER_ID) or "",
        first=first,
        second=second,
        first_root=root_at(connection, first).hex(),
        second_root=root_at(connection, second).hex(),
        path=[node.hex() for node in path],
    )


def _check_size(connection: Connection, size: int, *, at_least: int) -> None:
    if not max(1, at_least) <= size <= size_of(connection):
        raise NotFound(
            "head over so many events:", str(size), next_step="ropeway log   shows how many there are"
        )
