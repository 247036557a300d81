"""Tables that answer questions about data: versions, and the parts of their rows."""

from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    select,
    update,
)

from ropeway.core.clock import from_text, to_text
from ropeway.data.events import ContractChecked, DatasetArrived, SourcePulled, SplitAssigned
from ropeway.data.records import CheckResult, DatasetVersion, SplitRecord, SplitSettings
from ropeway.ledger import Fact, add, person, projected, projects

dataset_version = Table(
    "dataset_version",
    projected,
    Column("name", String, nullable=False),
    Column("version", String, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("format", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    # A list of pairs: the order of columns is part of what is known, and JSON objects have none.
    Column("columns", JSON, nullable=False),
    Column("label_columns", JSON, nullable=False),
    Column("contract", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("broken", Integer, nullable=False),
    Column("violations", JSON),
    Column("checks", JSON, nullable=False),
    Column("source", String),
    Column("bringer", String),
    Column("at", String, nullable=False),
    Column("actor", String, nullable=False),
    PrimaryKeyConstraint("name", "version"),
    Index("dataset_version_ordinal", "name", "ordinal", unique=True),
)

split_assignment = Table(
    "split_assignment",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("dataset", String, nullable=False),
    Column("version", String, nullable=False),
    Column("record", String, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("clusters", Integer, nullable=False),
    Column("followed", Integer, nullable=False),
    Column("bridged", Integer, nullable=False),
    Column("at", String, nullable=False),
    Index("split_assignment_dataset", "dataset", "seq"),
)

source_pull = Table(
    "source_pull",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("source", String, nullable=False),
    Column("dataset", String, nullable=False),
    Column("version", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("at", String, nullable=False),
    Index("source_pull_source", "source", "seq"),
)


@projects(DatasetArrived)
def _arrived(fact: Fact[DatasetArrived], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        dataset_version,
        name=event.name,
        version=event.version,
        ordinal=event.ordinal,
        format=event.format,
        rows=event.rows,
        size_bytes=event.size_bytes,
        columns=event.columns,
        label_columns=event.label_columns,
        contract=event.contract,
        profile=event.profile,
        broken=event.broken,
        violations=msgspec.to_builtins(event.violations),
        checks=_checks(event.checks, event.examples),
        source=event.source,
        bringer=event.bringer,
        at=to_text(fact.at),
        actor=fact.actor,
    )


@projects(ContractChecked)
def _checked(fact: Fact[ContractChecked], connection: Connection) -> None:
    event = fact.event
    connection.execute(
        update(dataset_version)
        .where(dataset_version.c.name == event.name, dataset_version.c.version == event.version)
        .values(
            contract=event.contract,
            columns=event.columns,
            broken=event.broken,
            violations=msgspec.to_builtins(event.violations),
            checks=_checks(event.checks, event.examples),
        )
    )


@projects(SourcePulled)
def _pulled(fact: Fact[SourcePulled], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        source_pull,
        seq=fact.seq,
        source=event.source,
        dataset=event.dataset,
        version=event.version,
        rows=event.rows,
        state=event.state,
        at=to_text(fact.at),
    )


@projects(SplitAssigned)
def _assigned(fact: Fact[SplitAssigned], connection: Connection) -> None:
    event = fact.event
    add(
        connection,
        split_assignment,
        seq=fact.seq,
        dataset=event.dataset,
        version=event.version,
        record=event.record,
        settings=msgspec.to_builtins(event.settings),
        rows=event.rows,
        parts=dict(sorted(event.parts.items())),
        clusters=event.clusters,
        followed=event.followed,
        bridged=event.bridged,
        at=to_text(fact.at),
    )


def _checks(checks: list[CheckResult], examples: dict[str, list[str]] | None) -> object:
    """The results with their examples, which the event keeps apart."""
    return [
        {**msgspec.to_builtins(found), "examples": (examples or {}).get(found.name, [])} for found in checks
    ]


def versions_query() -> Select[tuple[Any, ...]]:
    """Versions with the name of who recorded them, oldest first."""
    return (
        select(dataset_version, person.c.name.label("by"))
        .select_from(dataset_version.outerjoin(person, person.c.id == dataset_version.c.actor))
        .order_by(dataset_version.c.name, dataset_version.c.ordinal)
    )


def version_of(row: Row[Any]) -> DatasetVersion:
    """A row of `versions_query` as a record."""
    return msgspec.convert(
        {
            **{name: row._mapping[name] for name in DatasetVersion.__struct_fields__ if name in row._mapping},
            "columns": dict(row.columns),
            "violations": row.violations or [],
            "contract_ok": row.broken == 0,
            "arrived_at": from_text(row.at),
        },
        DatasetVersion,
    )


def split_of(row: Row[Any]) -> SplitRecord:
    """A row of `split_assignment` as a record."""
    return SplitRecord(
        dataset=row.dataset,
        version=row.version,
        digest=row.record,
        settings=msgspec.convert(row.settings, SplitSettings),
        rows=row.rows,
        parts=row.parts,
        clusters=row.clusters,
        followed=row.followed,
        bridged=row.bridged,
        assigned_at=from_text(row.at),
    )
