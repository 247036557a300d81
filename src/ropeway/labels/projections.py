"""Tables that answer questions about labels."""

from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    select,
)

from ropeway.core.clock import from_text, to_text
from ropeway.labels.events import (
    AgreementMeasured,
    GuidePublished,
    LabelAdjudicated,
    LabelsSnapshotted,
    RatingsImported,
)
from ropeway.labels.records import Adjudication, MeasuredAgreement, RatingsVersion
from ropeway.ledger import Event, Fact, add, keep_first, person, projected, projects

guide_version = Table(
    "guide_version",
    projected,
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    PrimaryKeyConstraint("name", "version"),
)

ratings_import = Table(
    "ratings_import",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("labels", String, nullable=False),
    Column("ratings", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("dataset_version", String, nullable=False),
    Column("guide", String, nullable=False),
    Column("guide_version", String, nullable=False),
    Column("items", Integer, nullable=False),
    Column("unrated", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("fewest", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("raters", Integer),
    Column("settings", String),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Index("ratings_import_labels", "labels", "seq"),
)

agreement = Table(
    "agreement",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("labels", String, nullable=False),
    Column("ratings", String, nullable=False),
    Column("level", String, nullable=False),
    Column("alpha", Float),
    Column("low", Float),
    Column("high", Float),
    Column("confidence", Float, nullable=False),
    Column("resamples", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    Column("undefined", String, nullable=False),
    Column("at", String, nullable=False),
    Index("agreement_ratings", "labels", "ratings", "seq"),
)

adjudication = Table(
    "adjudication",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("labels", String, nullable=False),
    Column("item", String, nullable=False),
    Column("label", String, nullable=False),
    Column("reason", String),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    Index("adjudication_item", "labels", "item", "seq"),
)

label_snapshot = Table(
    "label_snapshot",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("labels", String, nullable=False),
    Column("ratings", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("version", String, nullable=False),
    Column("classes", JSON, nullable=False),
    Column("adjudicated", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
    Column("disputed", Integer, nullable=False),
    Column("at", String, nullable=False),
    Index("label_snapshot_version", "dataset", "version", "seq"),
)


@projects(GuidePublished)
def _published(fact: Fact[GuidePublished], connection: Connection) -> None:
    row = {
        "name": fact.event.name,
        "version": fact.event.version,
        "at": to_text(fact.at),
        "actor": fact.actor,
    }
    keep_first(connection, guide_version, row)


@projects(RatingsImported)
def _imported(fact: Fact[RatingsImported], connection: Connection) -> None:
    add(
        connection, ratings_import, **_fields(fact.event), seq=fact.seq, at=to_text(fact.at), actor=fact.actor
    )


@projects(AgreementMeasured)
def _measured(fact: Fact[AgreementMeasured], connection: Connection) -> None:
    add(connection, agreement, **_fields(fact.event), seq=fact.seq, at=to_text(fact.at))


@projects(LabelAdjudicated)
def _adjudicated(fact: Fact[LabelAdjudicated], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        adjudication,
        seq=fact.seq,
        labels=event.labels,
        item=event.item,
        label=event.label,
        reason=event.reason,
        at=to_text(fact.at),
        actor=fact.actor,
    )


@projects(LabelsSnapshotted)
def _snapshotted(fact: Fact[LabelsSnapshotted], connection: Connection) -> None:
    fields = {**_fields(fact.event), "classes": dict(sorted(fact.event.classes.items()))}
    add(connection, label_snapshot, **fields, seq=fact.seq, at=to_text(fact.at))


def _fields(event: Event) -> dict[str, Any]:
    """The event's fields, which are the table's columns."""
    return {name: getattr(event, name) for name in event.__struct_fields__}


def ratings_query() -> Select[tuple[Any, ...]]:
    """Imports with the name of who made them."""
    return select(ratings_import, person.c.name.label("by")).select_from(
        ratings_import.outerjoin(person, person.c.id == ratings_import.c.actor)
    )


def ratings_of(row: Row[Any]) -> RatingsVersion:
    """A row of `ratings_query` as a record."""
    # By the mapping: a row's own `count` is a method.
    return msgspec.convert(
        {**_columns(row, RatingsVersion), "imported_at": from_text(row.at)}, RatingsVersion
    )


def agreement_of(row: Row[Any]) -> MeasuredAgreement:
    """A row of `agreement` as a record."""
    return msgspec.convert(
        {**_columns(row, MeasuredAgreement), "measured_at": from_text(row.at)}, MeasuredAgreement
    )


def adjudications_query() -> Select[tuple[Any, ...]]:
    """Adjudications with the name of who decided, oldest first."""
    return (
        select(adjudication, person.c.name.label("by"))
        .select_from(adjudication.outerjoin(person, person.c.id == adjudication.c.actor))
        .order_by(adjudication.c.seq)
    )


def adjudication_of(row: Row[Any]) -> Adjudication:
    """A row of `adjudications_query` as a record."""
    return msgspec.convert({**_columns(row, Adjudication), "at": from_text(row.at)}, Adjudication)


def _columns(row: Row[Any], record: type[msgspec.Struct]) -> dict[str, Any]:
    return {name: row._mapping[name] for name in record.__struct_fields__ if name in row._mapping}
