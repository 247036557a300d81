"""Sets of runs as one byte for each number that a run may have, for SQLite, which makes sets slowly.

It keeps the set behind `IN (SELECT …)` as a tree, and tens of thousands of numbers in no order take most of a
search's time to go into it. As bytes in a parameter they are there, and asked, in a third of that.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    LargeBinary,
    String,
    bindparam,
    func,
    not_,
    select,
)

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
        told: the sets made so far, by the names that statements have for them: a statement is kept for the
            next like it, and would keep with it what it held itself.
    """

    connection: Connection
    values: Values
    told: dict[str, bytes] = field(default_factory=dict)
    # By identity, for `1` and `true` are equal: the leaf is kept, so that no other takes its place.
    _made: dict[int, tuple[Leaf, BindParameter[bytes]]] = field(default_factory=dict)

    def of_set(self, leaf: Leaf, run_seq: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a run's number is in the set of those that pass."""
        made = self._set_of(leaf)
        if made is None:
            return self.values.of_set(leaf, run_seq)
        is_in: ColumnElement[bool] = func.substr(made, run_seq + 1, 1, type_=LargeBinary) == b"\x01"
        return not_(is_in) if isinstance(leaf, Missing) else is_in

    def _set_of(self, leaf: Leaf) -> BindParameter[bytes] | None:
        """Those that pass; of `Missing`, those that do not. None where the database makes the set."""
        if self.connection.dialect.name != "sqlite":
            return None
        if id(leaf) not in self._made:
            made = self._make(present(leaf.field) if isinstance(leaf, Missing) else leaf)
            if made is None:
                return None
            name = f"set_{len(self.told)}"
            self.told[name] = made
            self._made[id(leaf)] = leaf, bindparam(name, type_=LargeBinary)
        return self._made[id(leaf)][1]

    def _make(self, leaf: Leaf) -> bytes | None:
        """A byte for each number; None when they would be too many."""
        size = 1 + (self.connection.execute(_LAST).scalar() or 0)
        if size + sum(map(len, self.told.values())) > BOUND_BYTES:
            return None
        matches = self.values.matches(leaf).subquery()
        [number] = matches.c
        query: Any = select(func.json_group_array(number, type_=String))
        made = bytearray(size)
        for run_seq in _SEQS.decode(self.connection.execute(query).scalar_one()):
            made[run_seq] = 1
        return bytes(made)


_LAST = select(func.max(run.c.seq))
