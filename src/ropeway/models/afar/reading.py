"""Registered names and versions as clients of a registry see them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, func, select

from ropeway.core.ids import ModelName
from ropeway.models.afar.projections import (
    ACTIVE,
    free_alias,
    listed_version,
    listed_version_tag,
    model_entry,
    model_entry_tag,
)
from ropeway.models.errors import UnknownModel, UnknownVersion
from ropeway.models.projections import alias, model_version
from ropeway.models.prompts import IS_PROMPT
from ropeway.models.registry import name_of
from ropeway.tracking import mlflow_fields
from ropeway.tracking.afar.selecting import Kind, Words, page_of, words_of
from ropeway.tracking.projections import run, run_hex
from ropeway.workspace import Context


class ListedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version. `ref` and `state` are ours; `stage` is its client's word for where it is.

    Attributes:
        origin: where its client said that it comes from; None for a version of ours.
        run: the hex id of the run that made it; "" where none is known.
        environments: those that point to it.
        aliases: all that do, environments too.
        is_ours: whether `ropeway` packaged it.
    """

    shown: str
    number: int
    ref: str
    state: str
    origin: str | None
    run: str
    logged_model: str
    is_pickled: bool
    description: str | None
    run_link: str
    stage: str
    by: str
    created_ms: int
    changed_ms: int
    tags: dict[str, str]
    aliases: list[str]
    environments: list[str]
    is_ours: bool


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A registered name. `latest` has the newest version of each stage."""

    name: ModelName
    shown: str
    description: str | None
    created_ms: int
    changed_ms: int
    tags: dict[str, str]
    aliases: dict[str, int]
    latest: list[ListedVersion]


class EntryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some names; `after` says from where on there are more, None at the end."""

    models: list[ListedModel]
    after: int | None


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some versions; `after` as in `EntryPage`."""

    versions: list[ListedVersion]
    after: int | None


def require_entry(read: Connection, shown: str) -> Any:
    """The row of a registered name.

    Raises:
        UnknownModel: there is none.
    """
    where = (model_entry.c.shown == shown) & (model_entry.c.lifecycle == ACTIVE)
    row = read.execute(select(model_entry).where(where)).first()
    if row is None:
        raise UnknownModel(shown, [])
    return row


def require_listed(read: Connection, name: str, number: int) -> Any:
    """The row of a version.

    Raises:
        UnknownVersion: there is none, or it was deleted.
    """
    where = (listed_version.c.name == name) & (listed_version.c.number == number)
    row = read.execute(select(listed_version).where(where)).first()
    if row is None:
        raise UnknownVersion(f"{name}@{number}", [])
    return row


def listed(context: Context, rows: Sequence[Any]) -> list[ListedVersion]:
    """Rows of `listed_version` with all that hangs on them."""
    read = context.read
    names = sorted({row.name for row in rows})
    shown = dict(_pairs(read, model_entry, names, "name", "shown"))
    tags = _grouped(read, listed_version_tag, names)
    pointing = _aliases(read, names)
    known = {
        (row.name, row.number): row
        for row in read.execute(select(model_version).where(model_version.c.name.in_(names)))
    }
    live = set(context.project.environments)
    found = []
    for row in rows:
        version = known[row.name, row.number]
        aliases = sorted(each for each, number in pointing.get(row.name, {}).items() if number == row.number)
        made_by = row.told_run or ("" if not row.run else run_hex(row.run))
        found.append(
            ListedVersion(
                shown=shown.get(row.name) or row.name,
                number=row.number,
                ref=f"{row.name}@{row.number}",
                state=version.state,
                origin=row.origin,
                run=made_by,
                logged_model=row.logged_model,
                is_pickled=row.is_pickled,
                description=row.description,
                run_link=row.run_link or "",
                stage=row.stage,
                by=name_of(read, row.by),
                created_ms=row.created_ms,
                changed_ms=row.changed_ms,
                tags=tags.get((row.name, row.number), {}),
                aliases=aliases,
                environments=[each for each in aliases if each in live],
                is_ours=version.format == "ropeway",
            )
        )
    return found


def listed_models(context: Context, rows: Sequence[Any]) -> list[ListedModel]:
    """Rows of `model_entry` with all that hangs on them."""
    read = context.read
    names = [row.name for row in rows]
    tags: dict[str, dict[str, str]] = {}
    query = select(model_entry_tag).where(model_entry_tag.c.name.in_(names))
    for each in read.execute(query.order_by(model_entry_tag.c.key)):
        tags.setdefault(each.name, {})[each.key] = each.value
    pointing = _aliases(read, names)
    newest: dict[tuple[str, str], Any] = {}
    of_these = select(listed_version).where(listed_version.c.name.in_(names))
    for each in read.execute(of_these.order_by(listed_version.c.number)):
        newest[each.name, each.stage] = each
    latest: dict[str, list[ListedVersion]] = {}
    rows_of_latest = list(newest.values())
    for row, version in zip(rows_of_latest, listed(context, rows_of_latest), strict=True):
        latest.setdefault(row.name, []).append(version)
    return [
        ListedModel(
            name=row.name,
            shown=row.shown or row.name,
            description=row.description,
            created_ms=row.created_ms,
            changed_ms=row.changed_ms,
            tags=tags.get(row.name, {}),
            aliases=pointing.get(row.name, {}),
            latest=sorted(latest.get(row.name, []), key=lambda each: each.number),
        )
        for row in rows
    ]


def find_entries(context: Context, where: str, sort: Sequence[str], limit: int, after: int) -> EntryPage:
    """Registered names that a filter lets through, by name."""
    query = select(model_entry).where(model_entry.c.lifecycle == ACTIVE)
    rows, more = page_of(context.read, query, _NAMES, where=where, sort=sort, limit=limit, after=after)
    return EntryPage(models=listed_models(context, rows), after=more)


def find_listed(context: Context, where: str, sort: Sequence[str], limit: int, after: int) -> VersionPage:
    """Versions that a filter lets through, the one changed last first."""
    query = select(listed_version)
    rows, more = page_of(context.read, query, _VERSIONS, where=where, sort=sort, limit=limit, after=after)
    return VersionPage(versions=listed(context, rows), after=more)


def _tags(words: Words) -> Words:
    """Clients leave out prompts by a tag, and what says nothing of it is none."""

    def of(key: str) -> Select[Any]:
        if key != IS_PROMPT:
            return words(key)
        return select(func.coalesce(words(key).scalar_subquery(), "false"))

    return of


_NAMES = Kind(
    fields=mlflow_fields.REGISTERED_MODELS,
    columns={
        "name": func.coalesce(model_entry.c.shown, model_entry.c.name),
        "creation_timestamp": model_entry.c.created_ms,
        "last_updated_timestamp": model_entry.c.changed_ms,
    },
    words={"tags": _tags(words_of(model_entry_tag, (model_entry_tag.c.name, model_entry.c.name)))},
    natural=(model_entry.c.shown,),
)
_SHOWN = select(model_entry.c.shown).where(model_entry.c.name == listed_version.c.name).scalar_subquery()
_HEX = select(run.c.hex).where(run.c.id == listed_version.c.run).scalar_subquery()
_VERSIONS = Kind(
    fields=mlflow_fields.MODEL_VERSIONS,
    columns={
        "name": func.coalesce(_SHOWN, listed_version.c.name),
        "run_id": func.coalesce(func.nullif(listed_version.c.told_run, ""), _HEX),
        "source_path": listed_version.c.origin,
        "version_number": listed_version.c.number,
        "creation_timestamp": listed_version.c.created_ms,
        "last_updated_timestamp": listed_version.c.changed_ms,
    },
    words={
        "tags": _tags(
            words_of(
                listed_version_tag,
                (listed_version_tag.c.name, listed_version.c.name),
                (listed_version_tag.c.number, listed_version.c.number),
            )
        )
    },
    natural=(listed_version.c.changed_ms.desc(), listed_version.c.name, listed_version.c.number.desc()),
)


def _aliases(read: Connection, names: Sequence[str]) -> Mapping[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in read.execute(select(free_alias).where(free_alias.c.name.in_(names))):
        found.setdefault(row.name, {})[row.alias] = row.number
    # What an environment points to goes before a free alias of its name, from before it was one.
    for row in read.execute(select(alias).where(alias.c.name.in_(names))):
        found.setdefault(row.name, {})[row.environment] = row.number
    return found


def _grouped(read: Connection, table: Table, names: Sequence[str]) -> dict[tuple[str, int], dict[str, str]]:
    found: dict[tuple[str, int], dict[str, str]] = {}
    for row in read.execute(select(table).where(table.c.name.in_(names)).order_by(table.c.key)):
        found.setdefault((row.name, row.number), {})[row.key] = row.value
    return found


def _pairs(
    read: Connection, table: Table, names: Sequence[str], key: str, value: str
) -> Sequence[tuple[str, Any]]:
    query = select(table.c[key], table.c[value]).where(table.c.name.in_(names))
    return [(row[0], row[1]) for row in read.execute(query)]
