"""The tables of experiments, of what clients said of runs, and of logged models; moved by `afar.events`."""

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    String,
    Table,
    delete,
    or_,
    update,
)

from ropeway.core.clock import to_text
from ropeway.core.ids import RunId
from ropeway.ledger import Fact, add, keep_first, keep_latest, projected, projects
from ropeway.tracking.afar.events import (
    ExperimentChanged,
    ExperimentCreated,
    LoggedModelChanged,
    LoggedModelCreated,
    LoggedModelFilePut,
    LoggedModelFileRemoved,
    LoggedModelMeasured,
    RunChanged,
    RunFilePut,
    RunFileRemoved,
    RunLinked,
    RunOpened,
    TimesTold,
)
from ropeway.tracking.afar.moments import moment_of, ms_of
from ropeway.tracking.events import HostRecord
from ropeway.tracking.projections import (
    OWN_EXPERIMENT,
    record_settings,
    run,
    run_artifact,
    run_hex,
    run_param,
    run_tag,
)

DATASET_CONTEXT = "mlflow.data.context"
DEFAULT_NAME = "Default"
ACTIVE = "active"
UNKNOWN_HOST = HostRecord(system="", machine="", cores=0, memory_bytes=0)

experiment = Table(
    "experiment",
    projected,
    Column("id", String, primary_key=True),
    # Ids are numbers in their order; text sorts 10 before 9.
    Column("number", BigInteger, nullable=False),
    Column("name", String),
    Column("location", String),
    Column("lifecycle", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("experiment_name", "name"),
)

experiment_tag = Table(
    "experiment_tag",
    projected,
    Column("experiment", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

run_dataset = Table(
    "run_dataset",
    projected,
    Column("run", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("source_type", String, nullable=False),
    Column("source", String, nullable=False),
    Column("schema", String),
    Column("profile", String),
    # In which context it was used: one of the tags, by which runs are found.
    Column("context", String),
    # A JSON object: few, and only ever read together.
    Column("tags", String, nullable=False),
)

run_model = Table(
    "run_model",
    projected,
    Column("run", String, primary_key=True),
    # `in` or `out`.
    Column("way", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("step", Integer, nullable=False),
)

logged_model = Table(
    "logged_model",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("experiment", String, nullable=False),
    Column("name", String),
    Column("kind", String, nullable=False),
    Column("run", String),
    Column("status", String, nullable=False),
    Column("lifecycle", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("logged_model_experiment", "experiment", "created_ms"),
)


def _words(name: str) -> Table:
    return Table(
        name,
        projected,
        Column("model", String, primary_key=True),
        Column("key", String, primary_key=True),
        Column("value", String, nullable=False),
    )


logged_model_tag = _words("logged_model_tag")
logged_model_param = _words("logged_model_param")

logged_model_metric = Table(
    "logged_model_metric",
    projected,
    Column("model", String, primary_key=True),
    Column("run", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("dataset_name", String, primary_key=True),
    Column("dataset_digest", String, primary_key=True),
    # NULL is NaN: SQLite has no other.
    Column("value", Float),
    Column("at_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
)

logged_model_file = Table(
    "logged_model_file",
    projected,
    Column("model", String, primary_key=True),
    Column("path", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)


@projects(ExperimentCreated)
def _create_experiment(fact: Fact[ExperimentCreated], connection: Connection) -> None:
    event = fact.event
    at_ms = ms_of(fact.at)
    row = _experiment_row(event.experiment, event.name, event.location, at_ms)
    add(connection, experiment, **row)
    for key, value in (event.tags or {}).items():
        keep_latest(connection, experiment_tag, experiment=event.experiment, key=key, value=value)


def _experiment_row(number: str, name: str | None, location: str | None, at_ms: int) -> dict[str, object]:
    return {
        "id": number,
        "number": int(number),
        "name": name,
        "location": location,
        "lifecycle": ACTIVE,
        "created_ms": at_ms,
        "changed_ms": at_ms,
    }


@projects(ExperimentChanged)
def _change_experiment(fact: Fact[ExperimentChanged], connection: Connection) -> None:
    event = fact.event
    if event.experiment == OWN_EXPERIMENT:
        # It was there before anybody made it.
        keep_first(connection, experiment, _experiment_row(event.experiment, DEFAULT_NAME, None, 0))
    changed: dict[str, object] = {"changed_ms": ms_of(fact.at)}
    if event.name is not None:
        changed["name"] = event.name
    if event.lifecycle:
        changed["lifecycle"] = event.lifecycle
    connection.execute(update(experiment).where(experiment.c.id == event.experiment).values(**changed))
    for key, value in (event.tags or {}).items():
        keep_latest(connection, experiment_tag, experiment=event.experiment, key=key, value=value)
    _remove(connection, experiment_tag, "experiment", event.experiment, event.untagged)
    if event.lifecycle:
        # Runs go and come with the experiment that they are in.
        connection.execute(
            update(run).where(run.c.experiment == event.experiment).values(lifecycle=event.lifecycle)
        )


@projects(RunOpened)
def _open(fact: Fact[RunOpened], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        run,
        id=event.run,
        hex=run_hex(event.run),
        seq=fact.seq,
        name=event.name,
        kind=event.kind,
        status="running",
        person=fact.actor,
        told_user=event.user,
        experiment=event.experiment,
        lifecycle=ACTIVE,
        started_at=to_text(moment_of(event.started_ms)),
        parent=event.parent,
        code="",
        commit_id="",
        is_dirty=False,
        left_out="[]",
        environment="",
        host=msgspec.json.encode(UNKNOWN_HOST).decode(),
        point_count=0,
        error_type="",
    )
    record_settings(connection, run_tag, event.run, event.tags)


@projects(RunChanged)
def _change(fact: Fact[RunChanged], connection: Connection) -> None:
    event = fact.event
    changed: dict[str, object] = {}
    if event.name is not None:
        changed["name"] = event.name
    if event.status:
        changed["status"] = event.status
    if event.lifecycle:
        changed["lifecycle"] = event.lifecycle
    if event.ended_ms is not None:
        ended = moment_of(event.ended_ms)
        began = connection.execute(run.select().where(run.c.id == event.run)).one().started_at
        changed["ended_at"] = to_text(ended)
        changed["duration_s"] = max(0.0, (ended - moment_of(began)).total_seconds())
    if changed:
        connection.execute(update(run).where(run.c.id == event.run).values(**changed))
    record_settings(connection, run_param, event.run, event.params)
    record_settings(connection, run_tag, event.run, event.tags)
    _remove(connection, run_tag, "run", event.run, event.untagged)


@projects(RunFilePut)
def _put_file(fact: Fact[RunFilePut], connection: Connection) -> None:
    event = fact.event
    if event.path is not None:
        keep_latest(
            connection,
            run_artifact,
            run=event.run,
            name=event.path,
            digest=event.digest,
            size_bytes=event.size_bytes,
        )


@projects(RunFileRemoved)
def _remove_file(fact: Fact[RunFileRemoved], connection: Connection) -> None:
    _remove_under(connection, run_artifact, run_artifact.c.run == fact.event.run, "name", fact.event.path)


@projects(RunLinked)
def _link(fact: Fact[RunLinked], connection: Connection) -> None:
    event = fact.event
    for dataset in event.datasets or []:
        row = {
            "run": event.run,
            "name": dataset.name,
            "digest": dataset.digest,
            "seq": fact.seq,
            "source_type": dataset.source_type,
            "source": dataset.source,
            "schema": dataset.schema,
            "profile": dataset.profile,
            "context": dataset.tags.get(DATASET_CONTEXT),
            "tags": msgspec.json.encode(dataset.tags).decode(),
        }
        keep_first(connection, run_dataset, row)
    for model in event.models_in:
        keep_first(connection, run_model, {"run": event.run, "way": "in", "model": model, "step": 0})
    for output in event.models_out:
        row = {"run": event.run, "way": "out", "model": output.model, "step": output.step}
        keep_first(connection, run_model, row)


@projects(LoggedModelCreated)
def _create_model(fact: Fact[LoggedModelCreated], connection: Connection) -> None:
    event = fact.event
    at_ms = ms_of(fact.at)
    add(
        connection,
        logged_model,
        id=event.model,
        seq=fact.seq,
        experiment=event.experiment,
        name=event.name,
        kind=event.kind,
        run=event.run,
        status="pending",
        lifecycle=ACTIVE,
        created_ms=at_ms,
        changed_ms=at_ms,
    )
    _say(connection, logged_model_tag, event.model, event.tags)
    _say(connection, logged_model_param, event.model, event.params)


@projects(LoggedModelChanged)
def _change_model(fact: Fact[LoggedModelChanged], connection: Connection) -> None:
    event = fact.event
    changed: dict[str, object] = {"changed_ms": ms_of(fact.at)}
    if event.status:
        changed["status"] = event.status
    if event.lifecycle:
        changed["lifecycle"] = event.lifecycle
    connection.execute(update(logged_model).where(logged_model.c.id == event.model).values(**changed))
    _say(connection, logged_model_tag, event.model, event.tags)
    _say(connection, logged_model_param, event.model, event.params)
    _remove(connection, logged_model_tag, "model", event.model, event.untagged)


@projects(LoggedModelMeasured)
def _measure(fact: Fact[LoggedModelMeasured], connection: Connection) -> None:
    for metric in fact.event.metrics or []:
        value = None if metric.value == "nan" else float(metric.value)
        keep_latest(
            connection,
            logged_model_metric,
            model=fact.event.model,
            run=fact.event.run,
            key=metric.key,
            dataset_name=metric.dataset_name or "",
            dataset_digest=metric.dataset_digest or "",
            value=value,
            at_ms=metric.at_ms,
            step=int(metric.step),
        )


@projects(LoggedModelFilePut)
def _put_model_file(fact: Fact[LoggedModelFilePut], connection: Connection) -> None:
    event = fact.event
    if event.path is not None:
        keep_latest(
            connection,
            logged_model_file,
            model=event.model,
            path=event.path,
            digest=event.digest,
            size_bytes=event.size_bytes,
        )


@projects(LoggedModelFileRemoved)
def _remove_model_file(fact: Fact[LoggedModelFileRemoved], connection: Connection) -> None:
    where = logged_model_file.c.model == fact.event.model
    _remove_under(connection, logged_model_file, where, "path", fact.event.path)


def _say(connection: Connection, table: Table, model: str, words: dict[str, str] | None) -> None:
    for key, value in (words or {}).items():
        keep_latest(connection, table, model=model, key=key, value=value)


def _remove(
    connection: Connection, table: Table, owner: str, of: str | RunId, keys: list[str] | None
) -> None:
    if keys:
        connection.execute(delete(table).where(table.c[owner] == of, table.c.key.in_(keys)))


def _remove_under(connection: Connection, table: Table, where: object, column: str, path: str | None) -> None:
    if path is None:
        return
    name = table.c[column]
    under = name.startswith(f"{path}/", autoescape=True)
    condition = or_(name == path, under) if path else name == name
    connection.execute(delete(table).where(where, condition))  # type: ignore[arg-type]


@projects(TimesTold)
def _tell_times(fact: Fact[TimesTold], connection: Connection) -> None:
    event = fact.event
    table = experiment if event.thing == "experiment" else logged_model
    told = {"created_ms": event.created_ms, "changed_ms": event.changed_ms}
    connection.execute(update(table).where(table.c.id == event.id).values(**told))
