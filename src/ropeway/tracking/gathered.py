"""Sets of runs as one byte for each number that a run may have, for SQLite, which makes sets slowly.

It keeps the set behind `IN (SELECT …)` as a tree, and tens of thousands of numbers in no order take most of a
search's time to go into it. As bytes in a parameter they are there, and asked, in a third of that.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, LargeBinary, String, func, literal, not_, select

from ropeway.tracking.conditions import Values, present
from ropeway.tracking.expression import Leaf, Missing
from ropeway.tracking.projections import run

BOUND_BYTES = 32 << 20
"""All sets of a search together; what goes beyond is left to the database."""
_SEQS = msgspec.json.Decoder(list[int])


@dataclass(frozen=True, slots=True)
class Sets:
    """The sets that one search asks, each made once.

    Attributes:
        connection: to make them with.
        values: where the values are that conditions compare.
    """

    connection: Connection
    values: Values
    # By identity, for `1` and `true` are equal: the leaf is kept, so that no other takes its place.
    _made: dict[int, tuple[Leaf, bytes]] = field(default_factory=dict)

    def of_set(self, leaf: Leaf, run_seq: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a run's number is in the set of those that pass."""
        made = self._set_of(leaf)
        if made is None:
            return self.values.of_set(leaf, run_seq)
        told = literal(made, LargeBinary)
        is_in: ColumnElement[bool] = func.substr(told, run_seq + 1, 1, type_=LargeBinary) == b"\x01"
        return not_(is_in) if isinstance(leaf, Missing) else is_in

    def _set_of(self, leaf: Leaf) -> bytes | None:
        """Those that pass; of `Missing`, those that do not. None where the database makes the set."""
        if self.connection.dialect.name != "sqlite":
            return None
        if id(leaf) not in self._made:
            made = self._make(present(leaf.field) if isinstance(leaf, Missing) else leaf)
            if made is None:
                return None
            self._made[id(leaf)] = leaf, made
        return self._made[id(leaf)][1]

    def _make(self, leaf: Leaf) -> bytes | None:
        """A byte for each number; None when they would be too many."""
        size = 1 + (self.connection.execute(_LAST).scalar() or 0)
        if size + sum(len(made) for _, made in self._made.values()) > BOUND_BYTES:
            return None
        matches = self.values.matches(leaf).subquery()
        [number] = matches.c
        query: Any = select(func.json_group_array(number, type_=String))
        made = bytearray(size)
        for run_seq in _SEQS.decode(self.connection.execute(query).scalar_one()):
            made[run_seq] = 1
        return bytes(made)


_LAST = select(func.max(run.c.seq))
