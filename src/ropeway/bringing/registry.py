"""Registered names, versions and aliases of a store, told here; aliases that are environments are not."""

import re

from ropeway.bringing.bring import Bringing
from ropeway.bringing.errors import OutOfReach
from ropeway.bringing.told import ToldEntry, ToldVersion
from ropeway.models.afar import operations as models
from ropeway.models.afar.reading import ListedModel, ListedVersion
from ropeway.models.errors import UnknownModel, UnknownVersion
from ropeway.workspace.operations import show_project

NO_STAGE = ("", "None")
PROXY = "mlflow-artifacts:/"
_FILES = re.compile(r"(?:file:/)?/.*?((?:[^/]+/)?(?:[0-9a-f]{32}|models/m-[0-9a-f]{32})/artifacts(?:/.*)?)")


def bring_registry(bringing: Bringing) -> None:
    """Every registered name with its versions, stages, tags, free aliases and times."""
    workspace, source = bringing.workspace, bringing.source
    environments = set(show_project(workspace).environments)
    for entry in bringing.read(source.entries()):
        with bringing.leaving_out(f"registered model '{entry.name}'"):
            _entry(bringing, entry)
            for version in bringing.read(source.versions(entry)):
                with bringing.leaving_out(f"version {version.number} of '{entry.name}'"):
                    _version(bringing, version, environments)
            here = models.get_entry(workspace, shown=entry.name)
            _aliases(bringing, entry, here, environments)
            # One that was here before stays as old as it is.
            if here.created_ms > entry.created_ms:
                models.tell_model_times(
                    workspace,
                    shown=entry.name,
                    number=None,
                    created_ms=entry.created_ms,
                    changed_ms=entry.changed_ms,
                )


def origin_of(source: str) -> str:
    """Where a version's files are from here on: files of runs and logged models came along, under their ids.

    Example:
        >>> origin_of("file:///srv/mlruns/1/" + "a" * 32 + "/artifacts/model")
        'mlflow-artifacts:/1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/artifacts/model'
    """
    found = _FILES.fullmatch(source)
    return f"{PROXY}{found[1]}" if found else source


def listed_here(bringing: Bringing, shown: str, number: int) -> ListedVersion | None:
    """The version of that number, where there is one here."""
    try:
        return models.get_listed(bringing.workspace, shown=shown, number=number)
    except UnknownVersion:
        return None


def _entry(bringing: Bringing, told: ToldEntry) -> None:
    workspace = bringing.workspace
    try:
        here = models.get_entry(workspace, shown=told.name)
    except UnknownModel:
        models.create_entry(workspace, shown=told.name, description=told.description or None, tags=told.tags)
        return
    fresh = {key: value for key, value in told.tags.items() if here.tags.get(key) != value}
    if fresh:
        models.change_entry(workspace, shown=told.name, tags=fresh)


def _version(bringing: Bringing, told: ToldVersion, environments: set[str]) -> None:
    workspace = bringing.workspace
    here = listed_here(bringing, told.name, told.number)
    if here is None:
        here = models.register_foreign(
            workspace,
            shown=told.name,
            origin=origin_of(told.source),
            run=told.run,
            logged_model=told.logged_model,
            description=told.description or None,
            tags=told.tags,
            run_link=told.run_link or None,
            told_number=told.number,
        )
    elif (here.origin, here.run) != (origin_of(told.source), told.run):
        bringing.refused.add((told.name, str(told.number)))
        raise OutOfReach("another version has this number here")
    if here.created_ms != told.created_ms:
        models.tell_model_times(
            workspace,
            shown=told.name,
            number=told.number,
            created_ms=told.created_ms,
            changed_ms=told.changed_ms,
        )
    with bringing.leaving_out(f"stage '{told.stage}' of version {told.number} of '{told.name}'"):
        _stage(bringing, told, here, environments)


def _stage(bringing: Bringing, told: ToldVersion, here: ListedVersion, environments: set[str]) -> None:
    if told.stage in NO_STAGE or here.stage == told.stage:
        return
    if told.stage.lower() in environments:
        raise OutOfReach(f"it is an environment here: ropeway gate {here.ref}, approve and promote it")
    models.change_version(bringing.workspace, shown=told.name, number=told.number, stage=told.stage)


def _aliases(bringing: Bringing, told: ToldEntry, here: ListedModel, environments: set[str]) -> None:
    for alias, number in told.aliases.items():
        with bringing.leaving_out(f"alias '{alias}' of '{told.name}'"):
            if alias in environments:
                raise OutOfReach(
                    f"it is an environment here: ropeway gate {here.name}@{number}, approve and promote it"
                )
            if (told.name, str(number)) in bringing.refused:
                raise OutOfReach(f"another version has its number here, {number}")
            if here.aliases.get(alias) != number:
                models.set_alias(bringing.workspace, shown=told.name, alias=alias, number=number)
