"""Which traces are asked for: by filter, in an order, of some experiments."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, select

from ropeway.tracking.traces.asking import check_patterns, passes
from ropeway.tracking.traces.conditions import conditions, in_order, is_told_by_tables
from ropeway.tracking.traces.filter import Condition, parse_filter, parse_order
from ropeway.tracking.traces.projections import trace
from ropeway.tracking.traces.reading import infos_of, spans_of
from ropeway.tracking.traces.records import TraceInfo, TracePage
from ropeway.tracking.traces.spans import Opened
from ropeway.workspace import Context, Limit, operation

AT_ONCE = 200


@operation("traces.find", kind="query", permission="runs:read")
def find_traces(
    context: Context,
    *,
    experiments: list[str] = [],  # noqa: B006  the operation copies it
    where: str = "",
    sort: list[str] = [],  # noqa: B006
    limit: Limit = 100,
    after: Limit = 0,
) -> TracePage:
    """Traces that a filter lets through, the one that began last first.

    Args:
        context: the call.
        experiments: of which; empty for all.
        where: as MLflow writes it: `status = 'ERROR' AND execution_time_ms > 500 AND tags.team = 'a' AND
            span.type = 'LLM' AND trace.text LIKE '%refund%'`.
        sort: what to order by, such as `execution_time_ms DESC`.
        limit: how many.
        after: from where on, as the page before said.

    Raises:
        MlflowFilterInvalid, FilterTooLarge: the filter or the order cannot be read.
    """
    tests = parse_filter(where)
    check_patterns(tests)
    told = [test for test in tests if is_told_by_tables(test)]
    query = select(trace.c.id).where(*conditions(told))
    if experiments:
        query = query.where(trace.c.experiment.in_(experiments))
    query = in_order(query, parse_order(sort))
    asked, opened = _asked(tests), Opened(context.store.read)
    found: list[TraceInfo] = []
    for place, info in _walk(context.read, query, after, limit if not asked else AT_ONCE):
        if len(found) == limit:
            return TracePage(traces=found, after=place)
        if not asked or passes(info, asked, lambda name=info.id: spans_of(context.read, opened, name)):  # type: ignore[misc]
            found.append(info)
    return TracePage(traces=found, after=None)


def _asked(tests: list[Condition]) -> list[Condition]:
    """The tests that each trace is asked for itself."""
    asked = [test for test in tests if not is_told_by_tables(test)]
    if any(test.family == "span" for test in asked):
        # Of one and the same span: what the tables tell of spans is asked of it again.
        asked = [test for test in tests if test in asked or test.family == "span"]
    return asked


def _walk(read: Connection, query: Select[Any], after: int, at_once: int) -> Iterator[tuple[int, TraceInfo]]:
    """The traces of a query from a place on, each with its place."""
    size = min(at_once, AT_ONCE) + 1
    while True:
        names = list(read.execute(query.limit(size).offset(after)).scalars())
        for info in infos_of(read, names):
            yield after, info
            after += 1
        if len(names) < size:
            return
