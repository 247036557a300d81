"""The tables that answer questions about runs; moved by the events of `tracking.events`."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    insert,
    select,
    update,
)

from ropeway.core.clock import from_text, to_text
from ropeway.core.ids import RunId
from ropeway.ledger import Fact, add, keep_first, keep_latest, projected, projects
from ropeway.tracking.events import Harvest, MetricSummary, RunFinished, RunInterrupted, RunStarted, Scalar
from ropeway.tracking.settings import number_of, text_of

run = Table(
    "run",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("name", String),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("person", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("duration_s", Float),
    Column("cpu_s", Float),
    Column("peak_memory_bytes", Integer),
    Column("parent", String),
    Column("code", String, nullable=False),
    Column("commit_id", String, nullable=False),
    Column("is_dirty", Boolean, nullable=False),
    Column("left_out", String, nullable=False),
    Column("environment", String, nullable=False),
    Column("hostname", String),
    Column("host", String, nullable=False),
    Column("argv", String),
    Column("points", String),
    Column("point_count", Integer, nullable=False),
    Column("error_type", String, nullable=False),
    Column("error", String),
    Index("run_seq", "seq"),
    Index("run_status", "status", "seq"),
    Index("run_name", "name", "seq"),
    Index("run_started_at", "started_at", "seq"),
    # 1: no duration where no sign of life came
    info={"revision": 1},
)


def _settings(name: str) -> Table:
    return Table(
        name,
        projected,
        Column("run", String, primary_key=True),
        Column("key", String, primary_key=True),
        # The number of the event that began the run: small where its id is long, for searches.
        Column("run_seq", BigInteger, nullable=False),
        # `value` is the value itself as JSON; the other two are for comparing.
        Column("value", String, nullable=False),
        Column("number", Float),
        Column("text", String, nullable=False),
        Index(f"{name}_number", "key", "number", "run_seq"),
        Index(f"{name}_text", "key", "text", "run_seq"),
    )


run_param = _settings("run_param")
run_tag = _settings("run_tag")

run_metric = Table(
    "run_metric",
    projected,
    Column("run", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("run_seq", BigInteger, nullable=False),
    # NULL is NaN: SQLite has no other.
    Column("last", Float),
    Column("min", Float),
    Column("max", Float),
    Column("count", Integer, nullable=False),
    Index("run_metric_last", "key", "last", "run_seq"),
)

run_artifact = Table(
    "run_artifact",
    projected,
    Column("run", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("size_bytes", Integer, nullable=False),
)

run_input = Table(
    "run_input",
    projected,
    Column("run", String, primary_key=True),
    Column("ref", String, primary_key=True),
    Index("run_input_ref", "ref"),
)


@projects(RunStarted)
def _start(fact: Fact[RunStarted], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        run,
        id=event.run,
        seq=fact.seq,
        name=event.name,
        kind=event.kind,
        status="running",
        person=fact.actor,
        started_at=to_text(fact.at),
        parent=event.parent,
        code=event.code.tree,
        commit_id=event.code.commit,
        is_dirty=event.code.is_dirty,
        left_out=_json(event.code.left_out),
        environment=event.environment,
        hostname=event.hostname,
        host=_json(event.host),
        argv=None if event.argv is None else _json(event.argv),
        point_count=0,
        error_type="",
    )
    _record_settings(connection, run_param, event.run, event.params)
    _record_settings(connection, run_tag, event.run, event.tags)
    _record_inputs(connection, event.run, event.inputs)


@projects(RunFinished)
def _finish(fact: Fact[RunFinished], connection: Connection) -> None:
    event = fact.event
    connection.execute(
        update(run)
        .where(run.c.id == event.run)
        .values(
            status=event.status,
            ended_at=to_text(fact.at),
            duration_s=event.wall_s,
            cpu_s=event.cpu_s,
            peak_memory_bytes=event.peak_memory_bytes,
            error_type=event.error_type,
            error=event.error,
        )
    )
    _record_settings(connection, run_param, event.run, event.params)
    _record_settings(connection, run_tag, event.run, event.tags)
    _record_harvest(connection, event.run, event.harvest)


@projects(RunInterrupted)
def _interrupt(fact: Fact[RunInterrupted], connection: Connection) -> None:
    event = fact.event
    row = connection.execute(run.select().where(run.c.id == event.run)).one()
    # Nobody saw the end. The last sign of life is the best that is known of it.
    last_sign = max(event.last_sign_at or row.started_at, row.started_at)
    lived_s = None
    if event.last_sign_at is not None:
        lived_s = (from_text(last_sign) - from_text(row.started_at)).total_seconds()
    connection.execute(
        update(run)
        .where(run.c.id == event.run)
        .values(status="interrupted", ended_at=last_sign, duration_s=lived_s)
    )
    _record_settings(connection, run_param, event.run, event.params)
    _record_settings(connection, run_tag, event.run, event.tags)
    _record_harvest(connection, event.run, event.harvest)


def _record_harvest(connection: Connection, run_id: RunId, harvest: Harvest) -> None:
    connection.execute(
        update(run).where(run.c.id == run_id).values(points=harvest.points, point_count=harvest.point_count)
    )
    if harvest.metrics:
        run_seq = seq_of(connection, run_id)
        rows = [_metric_row(run_id, run_seq, key, summary) for key, summary in harvest.metrics.items()]
        connection.execute(insert(run_metric), rows)
    if harvest.artifacts:
        connection.execute(
            insert(run_artifact),
            [
                {"run": run_id, "name": name, "digest": artifact.digest, "size_bytes": artifact.size_bytes}
                for name, artifact in harvest.artifacts.items()
            ],
        )
    _record_inputs(connection, run_id, harvest.inputs)


def seq_of(connection: Connection, run_id: RunId) -> int:
    """The number of the event that began a run."""
    return int(connection.execute(select(run.c.seq).where(run.c.id == run_id)).scalar_one())


def _metric_row(run_id: RunId, run_seq: int, key: str, summary: MetricSummary) -> dict[str, object]:
    return {
        "run": run_id,
        "run_seq": run_seq,
        "key": key,
        "last": _finite_or_infinite(summary.last),
        "min": _finite_or_infinite(summary.min),
        "max": _finite_or_infinite(summary.max),
        "count": summary.count,
    }


def _finite_or_infinite(value: float | str | None) -> float | None:
    if value is None or value == "nan":
        return None
    return float(value)


def _record_settings(
    connection: Connection, table: Table, run_id: RunId, values: Mapping[str, Scalar] | None
) -> None:
    if not values:
        return
    run_seq = seq_of(connection, run_id)
    for key, value in values.items():
        shown = text_of(value)
        columns = {
            "run_seq": run_seq,
            "value": _json(value) if isinstance(value, str | bool) else shown,
            "number": number_of(value),
            "text": shown,
        }
        keep_latest(connection, table, run=run_id, key=key, **columns)


def _record_inputs(connection: Connection, run_id: RunId, refs: list[str]) -> None:
    for ref in refs:
        keep_first(connection, run_input, {"run": run_id, "ref": ref})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
