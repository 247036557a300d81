"""What a process that joined a run says of it beside points: params, tags, files, inputs, once at its end.

Processes do not wait for each other, so a name may be said twice. The same value is one; what differs from
what the run has already stands beside it, under the name of the process: `PART/NAME`.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, select

from ropeway.core.ids import RunId
from ropeway.ledger import keep_latest
from ropeway.ledger.tables import point_source
from ropeway.store.errors import ObjectNotBrought
from ropeway.tracking.errors import BadRunId, RunNotFound
from ropeway.tracking.events import ArtifactRecord, PartTold, Scalar
from ropeway.tracking.live import sent_upto
from ropeway.tracking.projections import run as run_table
from ropeway.tracking.projections import run_artifact, run_input, run_param, run_tag
from ropeway.tracking.settings import scalars, text_of
from ropeway.workspace import Context, operation

V = TypeVar("V")

_PART = re.compile(r"[A-Za-z0-9_-]{1,60}")


@operation("runs.tell-part", kind="command", permission="runs:write")
def tell_part(
    context: Context,
    *,
    run: RunId,
    part: str,
    params: dict[str, Scalar] = {},  # noqa: B006  the operation copies it
    tags: dict[str, Scalar] = {},  # noqa: B006
    artifacts: dict[str, ArtifactRecord] = {},  # noqa: B006
    inputs: list[str] = [],  # noqa: B006
) -> list[str]:
    """Record what a process that joined a run said of it; told again, nothing more happens.

    Gives the names that the run had with another value: they stand beside, as `PART/NAME`.

    Args:
        context: the call.
        run: its whole id; it may have ended.
        part: an id of the process's own.
        params: of each name the last that it said, as the rest.
        tags: likewise.
        artifacts: likewise; their bytes are in the store.
        inputs: references that it came to use.

    Raises:
        RunNotFound: it never began here.
        BadRunId: the part's id is none.
        ObjectNotBrought: a file is not in the store.
    """
    if not _PART.fullmatch(part):
        raise BadRunId(part)
    for each in artifacts.values():
        if not context.store.renew(each.digest):
            raise ObjectNotBrought(each.digest)
    settings, words = scalars("param", params), scalars("tag", tags)
    transaction = context.begin()
    read, source = context.read, f"{part}/told"
    if read.execute(select(run_table.c.id).where(run_table.c.id == run)).first() is None:
        raise RunNotFound(run)
    if sent_upto(read, run, source):
        return []
    keep_latest(transaction.connection, point_source, run=run, source=source, upto=1)
    told = PartTold(
        run=run,
        part=part,
        params=_placed(part, settings, _texts(read, run_param, run), _shown(settings)),
        tags=_placed(part, words, _texts(read, run_tag, run), _shown(words)),
        artifacts=_placed(part, artifacts, _digests(read, run), _named(artifacts)) or {},
        inputs=[ref for ref in inputs if ref not in _used(read, run)],
    )
    if told.params or told.tags or told.artifacts or told.inputs:
        context.append(told)
    return _beside(told)


def _beside(told: PartTold) -> list[str]:
    names, before = [*(told.params or {}), *(told.tags or {}), *told.artifacts], f"{told.part}/"
    return sorted(name.removeprefix(before) for name in names if name.startswith(before))


def _placed(
    part: str, said: Mapping[str, V], known: Mapping[str, str], shown: Mapping[str, str]
) -> dict[str, V] | None:
    """What was said and is not known, under the names that it gets; None where that is nothing."""
    fresh = {
        f"{part}/{name}" if name in known else name: value
        for name, value in said.items()
        if known.get(name) != shown[name]
    }
    return fresh or None


def _texts(read: Connection, table: Table, run: RunId) -> dict[str, str]:
    return {row.key: row.text for row in read.execute(_of(table, run))}


def _shown(values: Mapping[str, Scalar]) -> dict[str, str]:
    return {key: text_of(value) for key, value in values.items()}


def _digests(read: Connection, run: RunId) -> dict[str, str]:
    return {row.name: row.digest for row in read.execute(_of(run_artifact, run))}


def _named(artifacts: Mapping[str, ArtifactRecord]) -> dict[str, str]:
    return {name: each.digest for name, each in artifacts.items()}


def _used(read: Connection, run: RunId) -> set[str]:
    return {row.ref for row in read.execute(_of(run_input, run))}


def _of(table: Table, run: RunId) -> Select[Any]:
    return select(table).where(table.c.run == run)
