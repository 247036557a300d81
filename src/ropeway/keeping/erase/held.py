"""No erasure goes past a hold."""

from collections.abc import Iterable

from sqlalchemy import Connection

from ropeway.keeping.erase.errors import HeldFast
from ropeway.keeping.lineage import all_upstream
from ropeway.keeping.retention import held_subjects


def refuse_held(read: Connection, subjects: Iterable[str]) -> None:
    """Refuse where something is held, or what was made from it is.

    Raises:
        HeldFast: with what must stay.
    """
    kept = all_upstream(read, held_subjects(read)) & set(subjects)
    if kept:
        raise HeldFast(kept)
