"""Registered names, versions from afar, free aliases: what clients of a registry do and ask."""

import re
from typing import Literal

from sqlalchemy import Connection, select

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, ModelName, RunId
from ropeway.models.afar.events import (
    ForeignModelRegistered,
    ModelAliasSet,
    ModelEntryChanged,
    ModelEntryCreated,
    ModelTimesTold,
    ModelVersionChanged,
    ModelVersionRemoved,
)
from ropeway.models.afar.origin import files_of
from ropeway.models.afar.projections import ACTIVE, listed_version, model_entry
from ropeway.models.afar.reading import (
    EntryPage,
    ListedModel,
    ListedVersion,
    VersionPage,
    find_entries,
    find_listed,
    listed,
    listed_models,
    require_entry,
    require_listed,
)
from ropeway.models.errors import GuardedAlias, ModelExists, UnknownVersion, VersionInUse
from ropeway.models.registry import environments_of, next_number
from ropeway.tracking.afar.errors import FileNotThere, IdTaken
from ropeway.tracking.afar.runs import check_moment, row_of
from ropeway.workspace import Context, Limit, operation

__all__ = [
    "change_entry",
    "change_version",
    "create_entry",
    "find_entries_of",
    "find_versions_of",
    "get_entry",
    "get_listed",
    "get_version_file",
    "register_foreign",
    "remove_version",
    "set_alias",
    "tell_model_times",
]

MOST_VERSIONS = 10**9
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PICKLED = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".cloudpickle", ".dill")


@operation("models.create-entry", kind="command", permission="models:write")
def create_entry(
    context: Context,
    *,
    shown: str,
    description: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006  the operation copies it
) -> ListedModel:
    """Register a name for versions to come.

    Raises:
        ModelExists: it is another's.
    """
    context.begin()
    _require_free(context.read, shown)
    name = _identity(context.read, shown)
    context.append(ModelEntryCreated(name=name, shown=shown, description=description, tags=tags or None))
    return listed_models(context, [require_entry(context.read, shown)])[0]


@operation("models.entry", kind="query", permission="models:read")
def get_entry(context: Context, *, shown: str) -> ListedModel:
    """A registered name with its newest versions, tags and aliases."""
    return listed_models(context, [require_entry(context.read, shown)])[0]


@operation("models.find-entries", kind="query", permission="models:read")
def find_entries_of(
    context: Context,
    *,
    where: str = "",
    sort: list[str] = [],  # noqa: B006
    limit: Limit = 100,
    after: Limit = 0,
) -> EntryPage:
    """Registered names that a filter of MLflow's kind lets through, by name."""
    return find_entries(context, where, sort, limit, after)


@operation("models.change-entry", kind="command", permission="models:write")
def change_entry(
    context: Context,
    *,
    shown: str,
    renamed: str | None = None,
    description: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006
    untagged: list[str] = [],  # noqa: B006
    lifecycle: Literal["", "deleted"] = "",
) -> bool:
    """Rename, describe, tag or delete a registered name; what is not given stays.

    Clients know it by the new name; references here (`name@3`) keep the first one.

    Raises:
        UnknownModel: there is none.
        ModelExists: the new name is another's.
        VersionInUse: a version is live, and it was to be deleted.
    """
    context.begin()
    row = require_entry(context.read, shown)
    if renamed is not None and renamed != shown:
        _require_free(context.read, renamed)
    if lifecycle:
        for number in _numbers(context.read, row.name):
            _remove(context, row.name, number)
    context.append(
        ModelEntryChanged(
            name=row.name,
            shown=renamed,
            description=description,
            tags=tags or None,
            untagged=untagged or None,
            lifecycle=lifecycle,
        )
    )
    return True


@operation("models.register-foreign", kind="command", permission="models:write")
def register_foreign(
    context: Context,
    *,
    shown: str,
    origin: str,
    run: str = "",
    logged_model: str = "",
    description: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006
    run_link: str | None = None,
    told_number: int = 0,
) -> ListedVersion:
    """Make a version of files that another tool packaged: a candidate, with its files' digests on record.

    Args:
        context: the call.
        shown: the registered name.
        origin: where the client says it comes from; files that are kept here are found by it, nothing else is
            opened.
        run: the run that made it, by the client's word.
        logged_model: the logged model, likewise.
        description: free words.
        tags: free words.
        run_link: an address, for people.
        told_number: the number that it had elsewhere, and keeps; those below it that are not here stay so.

    Raises:
        UnknownModel: no such name is registered.
        IdTaken: a version here has this number, or a higher one.
    """
    found = files_of(context.read, origin)
    tree = context.store.put_tree(found.files) if found.files else None
    context.begin()
    row = require_entry(context.read, shown)
    number = next_number(context.read, row.name)
    if told_number and not number <= told_number < MOST_VERSIONS:
        raise IdTaken(f"version of '{shown}'", str(told_number))
    number = told_number or number
    told = run or found.run
    made_by = row_of(context.read, told) if told else None
    context.append(
        ForeignModelRegistered(
            name=row.name,
            number=number,
            origin=origin,
            files=tree,
            run=None if made_by is None else RunId(made_by.id),
            told_run=told,
            logged_model=logged_model or found.model,
            is_pickled=any(name.lower().endswith(_PICKLED) for name in found.files),
            description=description,
            tags=tags or None,
            run_link=run_link or None,
        )
    )
    return listed(context, [require_listed(context.read, row.name, number)])[0]


@operation("models.listed", kind="query", permission="models:read")
def get_listed(
    context: Context, *, shown: str, number: int | None = None, alias: str | None = None
) -> ListedVersion:
    """A version as clients of a registry see it, by its number or by an alias."""
    row = require_entry(context.read, shown)
    if alias is None:
        return listed(context, [require_listed(context.read, row.name, number or 0)])[0]
    pointed = listed_models(context, [row])[0].aliases.get(alias)
    if pointed is None:
        raise UnknownVersion(f"{shown}@{alias}", [])
    return listed(context, [require_listed(context.read, row.name, pointed)])[0]


@operation("models.version-file", kind="query", permission="models:read")
def get_version_file(context: Context, *, shown: str, number: int, path: str) -> Digest:
    """The digest of a file of a version, as it was when the version was made.

    Raises:
        UnknownModel, UnknownVersion: there is no such version.
        FileNotThere: it has no such file here.
    """
    row = require_listed(context.read, require_entry(context.read, shown).name, number)
    digest = None if row.files is None else context.store.read_tree(Digest(row.files)).get(path)
    if digest is None:
        raise FileNotThere(f"version {row.name}@{number}", path)
    return digest


@operation("models.find-versions", kind="query", permission="models:read")
def find_versions_of(
    context: Context,
    *,
    where: str = "",
    sort: list[str] = [],  # noqa: B006
    limit: Limit = 10_000,
    after: Limit = 0,
) -> VersionPage:
    """Versions of all names that a filter of MLflow's kind lets through."""
    return find_listed(context, where, sort, limit, after)


@operation("models.change-version", kind="command", permission="models:write")
def change_version(
    context: Context,
    *,
    shown: str,
    number: int,
    description: str | None = None,
    tags: dict[str, str] = {},  # noqa: B006
    untagged: list[str] = [],  # noqa: B006
    stage: str = "",
) -> ListedVersion:
    """Describe or tag a version, or note its stage; what is not given stays. Moves no environment."""
    context.begin()
    row = require_entry(context.read, shown)
    require_listed(context.read, row.name, number)
    context.append(
        ModelVersionChanged(
            name=row.name,
            number=number,
            description=description,
            tags=tags or None,
            untagged=untagged or None,
            stage=stage,
        )
    )
    return listed(context, [require_listed(context.read, row.name, number)])[0]


@operation("models.remove-version", kind="command", permission="models:write")
def remove_version(context: Context, *, shown: str, number: int) -> bool:
    """Take a version off the list of its registry, and put it away; history keeps it.

    Raises:
        VersionInUse: an environment points to it.
    """
    context.begin()
    row = require_entry(context.read, shown)
    require_listed(context.read, row.name, number)
    _remove(context, row.name, number)
    return True


@operation("models.set-alias", kind="command", permission="models:write")
def set_alias(context: Context, *, shown: str, alias: str, number: int | None) -> bool:
    """Point an alias that is no environment to a version; None takes it away.

    Raises:
        GuardedAlias: it is an environment, which `models.promote` moves.
    """
    if alias in context.project.environments:
        raise GuardedAlias(alias)
    context.begin()
    row = require_entry(context.read, shown)
    if number is not None:
        require_listed(context.read, row.name, number)
    context.append(ModelAliasSet(name=row.name, alias=alias, number=number))
    return True


@operation("models.tell-times", kind="command", permission="models:write")
def tell_model_times(
    context: Context, *, shown: str, number: int | None, created_ms: int, changed_ms: int
) -> bool:
    """Note when a registered name, or a version of it, was made and changed where it comes from."""
    check_moment(created_ms)
    check_moment(changed_ms)
    context.begin()
    row = require_entry(context.read, shown)
    if number is not None:
        require_listed(context.read, row.name, number)
    context.append(ModelTimesTold(name=row.name, number=number, created_ms=created_ms, changed_ms=changed_ms))
    return True


def _remove(context: Context, name: ModelName, number: int) -> None:
    environments = environments_of(context.read, name, number)
    if environments:
        raise VersionInUse(f"{name}@{number}", environments)
    context.append(ModelVersionRemoved(name=name, number=number))


def _numbers(read: Connection, name: str) -> list[int]:
    query = select(listed_version.c.number).where(listed_version.c.name == name)
    return list(read.execute(query.order_by(listed_version.c.number)).scalars())


def _require_free(read: Connection, shown: str) -> None:
    where = (model_entry.c.shown == shown) & (model_entry.c.lifecycle == ACTIVE)
    if read.execute(select(model_entry.c.name).where(where)).first() is not None:
        raise ModelExists(shown)


def _identity(read: Connection, shown: str) -> ModelName:
    """The name for references: as it is shown where that can stand in one and is nobody else's."""
    plain = shown if _PLAIN.fullmatch(shown) else f"model-{digest_bytes(shown.encode())[:12]}"
    query = select(model_entry).where(model_entry.c.name.startswith(plain, autoescape=True))
    taken = {row.name: row.lifecycle for row in read.execute(query)}
    # One that was renamed keeps its identity, and its name is free again.
    name, count = plain, 1
    while taken.get(name) == ACTIVE:
        count += 1
        name = f"{plain}-{count}"
    return ModelName(name)
