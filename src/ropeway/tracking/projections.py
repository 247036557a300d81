"""The tables that answer questions about runs; moved by the events of `tracking.events`."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    select,
    update,
)

from ropeway.core.clock import from_text, to_text
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, RunId
from ropeway.ledger import Fact, add, keep_first, keep_latest, projected, projects
from ropeway.ledger.making import LONG
from ropeway.tracking.events import (
    ArtifactRecord,
    Harvest,
    PartTold,
    PointsSealed,
    RunDated,
    RunFinished,
    RunInterrupted,
    RunStarted,
    Scalar,
)
from ropeway.tracking.settings import number_of, text_of
from ropeway.tracking.tips import Tip, later, of_sealed, of_summary

ASKED_AT_ONCE = 200
"""Of more metrics than so many, those of the whole run are asked for."""

OWN_EXPERIMENT = "0"
"""Where runs are that named no experiment: the project's own."""
HEX_LENGTH = 32

run = Table(
    "run",
    projected,
    Column("id", String, primary_key=True),
    # Its id for clients that know only 32 hex digits.
    Column("hex", String, nullable=False),
    Column("experiment", String, nullable=False),
    # `active` or `deleted`.
    Column("lifecycle", String, nullable=False),
    # Whose run it is, by the word of who recorded it.
    Column("told_user", String),
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
    # Unique, so that no database looks for one run by what most have alike.
    Index("run_seq", "seq", unique=True),
    Index("run_status", "status", "seq"),
    Index("run_name", "name", "seq"),
    Index("run_hex", "hex"),
    # The order in which MLflow's clients see the runs of an experiment.
    Index("run_experiment", "experiment", "lifecycle", "started_at", "hex", "seq"),
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
        Column("text", String, nullable=False, info={LONG: True}),
        Index(f"{name}_number", "key", "number", "run_seq"),
        Index(f"{name}_text", "key", "text", "run_seq"),
        # 1: PostgreSQL's index takes texts of any length
        info={"revision": 1},
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
    # Where the last one stands; NULL where the event that ended the run did not say.
    Column("step", BigInteger),
    Column("at_us", BigInteger),
    Column("min", Float),
    Column("max", Float),
    Column("count", BigInteger, nullable=False),
    Index("run_metric_last", "key", "last", "run_seq"),
)

run_segment = Table(
    "run_segment",
    projected,
    Column("run", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("digest", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    # Whether it was a spool: there no point was said twice. What comes from afar may have been.
    Column("is_spool", Boolean, nullable=False),
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
        hex=run_hex(event.run),
        experiment=OWN_EXPERIMENT,
        lifecycle="active",
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
    record_settings(connection, run_param, event.run, event.params)
    record_settings(connection, run_tag, event.run, event.tags)
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
    record_settings(connection, run_param, event.run, event.params)
    record_settings(connection, run_tag, event.run, event.tags)
    _record_harvest(connection, event.run, fact.seq, event.harvest)


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
    record_settings(connection, run_param, event.run, event.params)
    record_settings(connection, run_tag, event.run, event.tags)
    _record_harvest(connection, event.run, fact.seq, event.harvest)


@projects(RunDated)
def _date(fact: Fact[RunDated], connection: Connection) -> None:
    event = fact.event
    told = {"started_at": event.began_at, "ended_at": event.ended_at}
    known = {name: at for name, at in told.items() if at is not None}
    connection.execute(update(run).where(run.c.id == event.run).values(**known))


@projects(PointsSealed)
def _seal(fact: Fact[PointsSealed], connection: Connection) -> None:
    event = fact.event
    _record_segment(connection, event.run, fact.seq, event.segment, event.count, is_spool=False)
    record_tips(
        connection, run_metric, event.run, {key: of_sealed(each) for key, each in event.metrics.items()}
    )


@projects(PartTold)
def _tell_part(fact: Fact[PartTold], connection: Connection) -> None:
    event = fact.event
    record_settings(connection, run_param, event.run, event.params)
    record_settings(connection, run_tag, event.run, event.tags)
    _record_artifacts(connection, event.run, event.artifacts)
    _record_inputs(connection, event.run, event.inputs)


def _record_harvest(connection: Connection, run_id: RunId, seq: int, harvest: Harvest) -> None:
    connection.execute(update(run).where(run.c.id == run_id).values(points=harvest.points))
    if harvest.points is not None:
        _record_segment(connection, run_id, seq, harvest.points, harvest.point_count, is_spool=True)
    record_tips(
        connection, run_metric, run_id, {key: of_summary(each) for key, each in harvest.metrics.items()}
    )
    _record_artifacts(connection, run_id, harvest.artifacts)
    _record_inputs(connection, run_id, harvest.inputs)


def _record_artifacts(connection: Connection, run_id: RunId, artifacts: Mapping[str, ArtifactRecord]) -> None:
    for name, artifact in artifacts.items():
        # A client may have put one of this name while the run lived.
        row = {"digest": artifact.digest, "size_bytes": artifact.size_bytes}
        keep_latest(connection, run_artifact, run=run_id, name=name, **row)


def _record_segment(
    connection: Connection, run_id: RunId, seq: int, digest: Digest, count: int, *, is_spool: bool
) -> None:
    add(connection, run_segment, run=run_id, seq=seq, digest=digest, count=count, is_spool=is_spool)
    more = run.c.point_count + count
    connection.execute(update(run).where(run.c.id == run_id).values(point_count=more))


_SEQ = select(run.c.seq).where(run.c.id == bindparam("run_id"))


def seq_of(connection: Connection, run_id: RunId) -> int:
    """The number of the event that began a run."""
    return int(connection.execute(_SEQ, {"run_id": run_id}).scalar_one())


def record_tips(connection: Connection, table: Table, run_id: RunId, tips: Mapping[str, Tip]) -> None:
    """Summaries of more points of a run, on top of what its row of each key in the table says already."""
    put_tips(connection, table, run_id, tips, known_tips(connection, table, run_id, list(tips)))


def put_tips(
    connection: Connection, table: Table, run_id: RunId, tips: Mapping[str, Tip], known: Mapping[str, Tip]
) -> None:
    """As `record_tips`, on top of what the caller knows."""
    placed = {"run_seq": seq_of(connection, run_id)} if tips and "run_seq" in table.c else {}
    for key, tip in tips.items():
        found = known.get(key)
        merged = tip if found is None else later(found, tip)
        keep_latest(connection, table, run=run_id, key=key, **placed, **msgspec.structs.asdict(merged))


def known_tips(connection: Connection, table: Table, run_id: RunId, keys: list[str]) -> dict[str, Tip]:
    """What a table says of some metrics of a run."""
    if not keys:
        return {}
    some, every = _tips_of(table)
    if len(keys) <= ASKED_AT_ONCE:
        rows = connection.execute(some, {"run_id": run_id, "keys": keys})
    else:
        rows = connection.execute(every, {"run_id": run_id})
    return {row[0]: Tip(*row[1:]) for row in rows}


# Built once for each table: putting a statement together costs more than running it.
@lru_cache
def _tips_of(table: Table) -> tuple[Select[Any], Select[Any]]:
    columns = [table.c[name] for name in Tip.__struct_fields__]
    every = select(table.c.key, *columns).where(table.c.run == bindparam("run_id"))
    return every.where(table.c.key.in_(bindparam("keys", expanding=True))), every


def run_hex(run_id: str) -> str:
    """A run's id as 32 hex digits: its own where it has them, else a digest of it.

    Example:
        >>> run_hex("run_00112233445566778899aabbccddeeff")
        '00112233445566778899aabbccddeeff'
    """
    own = run_id.removeprefix("run_")
    is_hex = len(own) == HEX_LENGTH and set(own) <= set("0123456789abcdef")
    return own if is_hex else digest_bytes(run_id.encode())[:HEX_LENGTH]


def record_settings(
    connection: Connection, table: Table, run_id: RunId, values: Mapping[str, Scalar] | None
) -> None:
    """Keep params or tags of a run; a later value takes the place of an earlier one."""
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
