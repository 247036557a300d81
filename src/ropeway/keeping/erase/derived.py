"""The models that learnt from something, in production first, and what to do about each."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select

from ropeway.keeping.erase.records import ModelConcerned
from ropeway.keeping.lineage import all_downstream
from ropeway.models.projections import model_version, stay
from ropeway.models.states import State
from ropeway.workspace import Context

OVER = (State.RETIRED, State.REJECTED, State.RECALLED)


def derived_of(context: Context, refs: Iterable[str]) -> list[ModelConcerned]:
    """The versions that were made of some things."""
    below = all_downstream(context.read, refs)
    busy: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in context.read.execute(select(stay).order_by(stay.c.environment)):
        busy[row.name, row.number].append(row.environment)
    query = select(model_version).order_by(model_version.c.name, model_version.c.number.desc())
    found = [
        ModelConcerned(
            ref=f"{row.name}@{row.number}",
            state=row.state,
            environments=busy[row.name, row.number],
            next_step=_next(row.name, row.number, row.state, is_busy=bool(busy[row.name, row.number])),
        )
        for row in context.read.execute(query)
        if f"model:{row.name}@{row.number}" in below
    ]
    return sorted(found, key=lambda each: (not each.environments, each.state in map(str, OVER)))


def _next(name: str, number: int, state: str, *, is_busy: bool) -> str:
    if is_busy:
        return f"train it anew without these rows (ropeway retrain), in the place of {name}@{number}"
    if state in map(str, OVER):
        return "nothing: it answers nobody"
    return f"ropeway model retire {name}@{number} --reason erasure"
