"""What things came from and led to, as far as bytes are concerned."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, select

from ropeway.ledger import edge

ASKED_AT_ONCE = 500

NOT_MADE_FROM = frozenset(
    {"compared-in", "tried", "promoted", "released-by", "gave-cause-for", "is-profiled-by"}
)
"""Relations of a judgement, not of an origin: a version is not made from the champion that it beat."""


def all_upstream(read: Connection, refs: Iterable[str]) -> set[str]:
    """The things themselves and all that they were made from, however far back."""
    return _closure(read, refs, edge.c.downstream, edge.c.upstream)


def all_downstream(read: Connection, refs: Iterable[str]) -> set[str]:
    """The things themselves and all that was made from them."""
    return _closure(read, refs, edge.c.upstream, edge.c.downstream)


def _closure(
    read: Connection, refs: Iterable[str], here: ColumnElement[str], there: ColumnElement[str]
) -> set[str]:
    """All that is reached from one column of the edges to the other, again and again."""
    seen = set(refs)
    todo = sorted(seen)
    while todo:
        batch, todo = todo[:ASKED_AT_ONCE], todo[ASKED_AT_ONCE:]
        query = select(there).where(here.in_(batch), edge.c.relation.not_in(NOT_MADE_FROM))
        found = set(read.execute(query).scalars()) - seen
        seen |= found
        todo += sorted(found)
    return seen
