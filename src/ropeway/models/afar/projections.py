"""The tables of registered names, what their clients say of versions, and free aliases."""

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Integer, String, Table, delete, update

from ropeway.ledger import Fact, add, keep_first, keep_latest, projected, projects
from ropeway.models.afar.events import (
    ForeignModelAdopted,
    ForeignModelRegistered,
    ModelAliasSet,
    ModelEntryChanged,
    ModelEntryCreated,
    ModelTimesTold,
    ModelVersionChanged,
    ModelVersionRemoved,
)
from ropeway.models.events import ModelRegistered
from ropeway.models.projections import enter_version, model_version, retire_version
from ropeway.tracking.afar.moments import ms_of

ACTIVE = "active"
FOREIGN = "mlflow"

model_entry = Table(
    "model_entry",
    projected,
    # The identity, which is the name in every reference; clients know it by `shown`.
    Column("name", String, primary_key=True),
    Column("shown", String),
    Column("description", String),
    Column("lifecycle", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("model_entry_shown", "shown"),
)

model_entry_tag = Table(
    "model_entry_tag",
    projected,
    Column("name", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

listed_version = Table(
    "listed_version",
    projected,
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", String),
    Column("files", String),
    Column("run", String),
    Column("told_run", String, nullable=False),
    Column("logged_model", String, nullable=False),
    Column("is_pickled", Boolean, nullable=False),
    Column("description", String),
    Column("run_link", String),
    Column("stage", String, nullable=False),
    Column("by", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("listed_version_created", "created_ms"),
)

listed_version_tag = Table(
    "listed_version_tag",
    projected,
    Column("name", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

free_alias = Table(
    "free_alias",
    projected,
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("number", Integer, nullable=False),
)


@projects(ModelEntryCreated)
def _create(fact: Fact[ModelEntryCreated], connection: Connection) -> None:
    event = fact.event
    _enter(connection, event.name, event.shown, ms_of(fact.at), description=event.description)
    for key, value in (event.tags or {}).items():
        keep_latest(connection, model_entry_tag, name=event.name, key=key, value=value)


@projects(ModelEntryChanged)
def _change(fact: Fact[ModelEntryChanged], connection: Connection) -> None:
    event = fact.event
    changed: dict[str, object] = {"changed_ms": ms_of(fact.at)}
    if event.shown is not None:
        changed["shown"] = event.shown
    if event.description is not None:
        changed["description"] = event.description
    if event.lifecycle:
        changed["lifecycle"] = event.lifecycle
    mine = model_entry.c.name == event.name
    connection.execute(update(model_entry).where(mine).values(**changed))
    for key, value in (event.tags or {}).items():
        keep_latest(connection, model_entry_tag, name=event.name, key=key, value=value)
    for key in event.untagged or []:
        tag = model_entry_tag.c
        connection.execute(delete(model_entry_tag).where(tag.name == event.name, tag.key == key))
    if event.lifecycle == "deleted":
        # What was said of the name goes with it: who registers it again begins anew.
        for table in (model_entry_tag, free_alias, listed_version_tag, listed_version):
            connection.execute(delete(table).where(table.c.name == event.name))
        connection.execute(update(model_entry).where(mine).values(shown=None, description=None))


@projects(ForeignModelRegistered)
def _register(fact: Fact[ForeignModelRegistered], connection: Connection) -> None:
    event = fact.event
    enter_version(
        fact,
        connection,
        run=event.run or "",
        package=event.files or "",
        content=event.files or "",
        source="",
        code="",
        dataset=None,
        served=FOREIGN,
        format=FOREIGN,
    )
    at_ms = ms_of(fact.at)
    add(
        connection,
        listed_version,
        name=event.name,
        number=event.number,
        origin=event.origin,
        files=event.files,
        run=event.run,
        told_run=event.told_run,
        logged_model=event.logged_model,
        is_pickled=event.is_pickled,
        description=event.description,
        run_link=event.run_link,
        stage="",
        by=fact.actor,
        created_ms=at_ms,
        changed_ms=at_ms,
    )
    _touch(connection, event.name, at_ms)
    for key, value in (event.tags or {}).items():
        keep_latest(
            connection, listed_version_tag, name=event.name, number=event.number, key=key, value=value
        )


@projects(ForeignModelAdopted)
def _adopt(fact: Fact[ForeignModelAdopted], connection: Connection) -> None:
    event = fact.event
    mine = (model_version.c.name == event.name) & (model_version.c.number == event.number)
    told = {
        "package": event.package,
        "content": event.content,
        "source": event.source,
        "dataset": event.dataset,
        "served": event.flavor,
    }
    connection.execute(update(model_version).where(mine).values(**told))


@projects(ModelRegistered)
def _register_own(fact: Fact[ModelRegistered], connection: Connection) -> None:
    """A version of ours is listed for clients too."""
    event = fact.event
    at_ms = ms_of(fact.at)
    _enter(connection, event.name, event.name, at_ms)
    add(
        connection,
        listed_version,
        name=event.name,
        number=event.number,
        origin=None,
        files=event.package,
        run=event.run,
        told_run="",
        logged_model="",
        is_pickled=False,
        description=None,
        run_link=None,
        stage="",
        by=fact.actor,
        created_ms=at_ms,
        changed_ms=at_ms,
    )
    _touch(connection, event.name, at_ms)


@projects(ModelVersionChanged)
def _change_version(fact: Fact[ModelVersionChanged], connection: Connection) -> None:
    event = fact.event
    changed: dict[str, object] = {"changed_ms": ms_of(fact.at)}
    if event.description is not None:
        changed["description"] = event.description
    if event.stage:
        changed["stage"] = event.stage
    mine = (listed_version.c.name == event.name) & (listed_version.c.number == event.number)
    connection.execute(update(listed_version).where(mine).values(**changed))
    for key, value in (event.tags or {}).items():
        keep_latest(
            connection, listed_version_tag, name=event.name, number=event.number, key=key, value=value
        )
    for key in event.untagged or []:
        tag = listed_version_tag.c
        where = (tag.name == event.name) & (tag.number == event.number) & (tag.key == key)
        connection.execute(delete(listed_version_tag).where(where))


@projects(ModelVersionRemoved)
def _remove_version(fact: Fact[ModelVersionRemoved], connection: Connection) -> None:
    event = fact.event
    for table in (listed_version, listed_version_tag, free_alias):
        where = (table.c.name == event.name) & (table.c.number == event.number)
        connection.execute(delete(table).where(where))
    retire_version(fact, connection, note="taken off the list of its registry")
    _touch(connection, event.name, ms_of(fact.at))


@projects(ModelTimesTold)
def _tell_times(fact: Fact[ModelTimesTold], connection: Connection) -> None:
    event = fact.event
    told = {"created_ms": event.created_ms, "changed_ms": event.changed_ms}
    if event.number is None:
        connection.execute(update(model_entry).where(model_entry.c.name == event.name).values(**told))
        return
    mine = (listed_version.c.name == event.name) & (listed_version.c.number == event.number)
    connection.execute(update(listed_version).where(mine).values(**told))


@projects(ModelAliasSet)
def _set_alias(fact: Fact[ModelAliasSet], connection: Connection) -> None:
    event = fact.event
    if event.number is not None:
        keep_latest(connection, free_alias, name=event.name, alias=event.alias, number=event.number)
        return
    where = (free_alias.c.name == event.name) & (free_alias.c.alias == event.alias)
    connection.execute(delete(free_alias).where(where))


def _enter(
    connection: Connection, name: str, shown: str | None, at_ms: int, *, description: str | None = None
) -> None:
    row = {
        "name": name,
        "shown": shown,
        "description": description,
        "lifecycle": ACTIVE,
        "created_ms": at_ms,
        "changed_ms": at_ms,
    }
    keep_first(connection, model_entry, row)
    # A name that was deleted and is registered again.
    gone = (model_entry.c.name == name) & (model_entry.c.lifecycle != ACTIVE)
    connection.execute(update(model_entry).where(gone).values(**row))


def _touch(connection: Connection, name: str, at_ms: int) -> None:
    connection.execute(update(model_entry).where(model_entry.c.name == name).values(changed_ms=at_ms))
