"""What leaves of a filter say of what stands in other tables, said of the runs' own columns."""

from sqlalchemy import Connection, select

from ropeway.tracking.afar.projections import DEFAULT_NAME, experiment
from ropeway.tracking.conditions import INPUT
from ropeway.tracking.expression import (
    And,
    Comparison,
    Expression,
    Field,
    In,
    Leaf,
    Missing,
    Not,
    Or,
    Value,
    holds,
)
from ropeway.tracking.projections import OWN_EXPERIMENT, run_hex, run_input

EXPERIMENT = Field("attribute", "experiment")
EXPERIMENT_ID = Field("attribute", "experiment_id")
LIFECYCLE = Field("attribute", "lifecycle")
HEX = Field("attribute", "run_id")
"""The id as clients know it that have only 32 hex digits; may be asked for by the whole id, too."""


def resolved(connection: Connection, leaf: Leaf) -> Expression:
    """What a leaf says of data sets, asked of the runs' inputs too: those are few; ids in one form."""
    if leaf.field.family == "dataset":
        refs = _inputs(connection, leaf)
        if not refs:
            return leaf
        inputs = In(INPUT, refs)
        return And((Not(inputs), leaf)) if isinstance(leaf, Missing) else Or((inputs, leaf))
    if leaf.field == EXPERIMENT:
        return In(EXPERIMENT_ID, _experiments(connection, leaf))
    if leaf.field == HEX:
        return _with_hex(leaf)
    return leaf


def _with_hex(leaf: Leaf) -> Leaf:
    if isinstance(leaf, Comparison):
        return Comparison(leaf.field, leaf.operator, _hex(leaf.value))
    if isinstance(leaf, In):
        return In(leaf.field, tuple(_hex(value) for value in leaf.values), leaf.is_negated)
    return leaf


def _hex(value: Value) -> Value:
    return run_hex(value) if isinstance(value, str) and value.startswith("run_") else value


def _inputs(connection: Connection, leaf: Leaf) -> tuple[str, ...]:
    """The references of inputs of which a leaf is true; for `Missing`, those that have the field."""
    query = select(run_input.c.ref).where(run_input.c.ref.like("dataset:%")).distinct()
    refs = []
    for ref in connection.execute(query).scalars():
        name, _, digest = ref.removeprefix("dataset:").partition("@")
        value = {"name": name, "digest": digest}.get(leaf.field.key, "")
        values = [value] if value else []
        if isinstance(leaf, Missing) != holds(leaf, lambda _field, values=values: values):  # type: ignore[misc]
            refs.append(ref)
    return tuple(refs)


def _experiments(connection: Connection, leaf: Leaf) -> tuple[str, ...]:
    """The ids of the experiments of whose name a leaf is true."""
    names = {OWN_EXPERIMENT: DEFAULT_NAME}
    names.update((row.id, row.name or "") for row in connection.execute(select(experiment)))
    return tuple(each for each, name in names.items() if holds(leaf, lambda _field, name=name: [name]))  # type: ignore[misc]
