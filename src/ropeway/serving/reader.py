"""A request taken apart: what the model reads, what is only carried along, and whose it is.

What the model reads is checked by the signature. Carried fields are plain values that no model sees; each
may be left out.
"""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from ropeway.core.errors import did_you_mean
from ropeway.serving.division import entity_text
from ropeway.serving.signature import Problem, Request, Signature, shown

ROWS = "rows"
CARRIED_KIND = "text, a finite number, true, false or null"
INTEGER_MAX = 2**63 - 1
"""A carried integer must fit a column of 64 bits, where it ends up."""
MAX_HINTS = 20


class Asked(msgspec.Struct, frozen=True):
    """A request that fits.

    Attributes:
        request: what the model reads.
        carried: for each row what it carries; empty when nothing may be carried.
        entities: for each row the text of its entity, '' for none; empty when no entity is declared.
    """

    request: Request
    carried: list[dict[str, Any]]
    entities: list[str]

    def entity(self, row: int) -> str:
        """The row's entity, '' for none."""
        return self.entities[row] if self.entities else ""

    def carries(self, row: int) -> dict[str, Any]:
        """What the row carries."""
        return self.carried[row] if self.carried else {}


class Reader:
    """Reads requests for one signature.

    Args:
        signature: the columns that the model reads.
        carry: fields that a request may carry beside them; those that the model reads are no longer such.
        entity: the field, read or carried, that says whose a row is.
    """

    def __init__(self, signature: Signature, *, carry: Sequence[str] = (), entity: str | None = None) -> None:
        self.signature = signature
        self.entity = entity
        named = dict.fromkeys([*carry, *([entity] if entity else [])])
        # A field 'rows' beside the inputs could not be told from a request of many rows.
        self.carried = tuple(name for name in named if name not in signature.kinds and name != ROWS)
        inputs, more = ", ".join(map(repr, signature.kinds)), ", ".join(map(repr, self.carried))
        self._known = f"only {inputs or 'no fields'}; {more} may be carried"

    def read(self, body: Any) -> tuple[Asked | None, list[Problem]]:
        """The request that a decoded body is, or everything that is wrong with it. Takes `body` apart."""
        carried: list[dict[str, Any]] = []
        problems: list[Problem] = []
        if self.carried:
            carried = [self._take(row, index, problems) for index, row in self._rows_of(body)]
        request, others = self.signature.read(body)
        if request is None or problems:
            return None, problems + (self._with_carried(others) if self.carried else others)
        return Asked(request, carried, self._entities(request, carried)), []

    def _rows_of(self, body: Any) -> list[tuple[int | None, Any]]:
        if not (self.signature.has_batch_form and isinstance(body, dict) and ROWS in body):
            return [(None, body)]
        rows = body[ROWS]
        is_read = isinstance(rows, list) and len(rows) <= self.signature.max_rows
        return list(enumerate(rows)) if is_read else []

    def _take(self, row: Any, index: int | None, problems: list[Problem]) -> dict[str, Any]:
        """What a row carries, taken out of it."""
        if not isinstance(row, dict):
            return {}
        carried = {name: row.pop(name) for name in self.carried if name in row}
        problems += [
            Problem(name, CARRIED_KIND, f"is {shown(value)}", index)
            for name, value in carried.items()
            if not _is_plain(value)
        ]
        return carried

    def _entities(self, request: Request, carried: list[dict[str, Any]]) -> list[str]:
        if self.entity is None:
            return []
        if self.entity in request.columns:
            return [entity_text(value) for value in request.columns[self.entity]]
        return [entity_text(row.get(self.entity)) for row in carried]

    def _with_carried(self, problems: list[Problem]) -> list[Problem]:
        """The signature's problems, where a field that it does not know may also be like a carried one."""
        return [
            self._unknown(problem, is_hinted=at < MAX_HINTS)
            if problem.field not in self.signature.kinds and problem.got.startswith("is not in the signature")
            else problem
            for at, problem in enumerate(problems)
        ]

    def _unknown(self, problem: Problem, *, is_hinted: bool) -> Problem:
        hint = did_you_mean(problem.field, [*self.signature.kinds, *self.carried]) if is_hinted else ""
        got = f"is not in the signature.{hint}".removesuffix(".")
        return msgspec.structs.replace(problem, expected=self._known, got=got)


def _is_plain(value: Any) -> bool:
    if type(value) is int:
        return abs(value) <= INTEGER_MAX
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (str, bool)
