"""Routes of the model registry."""

from typing import Any

from ropeway.models.afar import operations as ours
from ropeway.models.afar.reading import ListedModel, ListedVersion
from ropeway.models.errors import ModelExists, UnknownModel, UnknownVersion
from ropeway.models.operations import promote_model
from ropeway.server.mlflow import answers, checks, messages
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar import operations as tracking
from ropeway.tracking.afar.errors import LoggedModelNotFound
from ropeway.workspace import Workspace
from ropeway.workspace.operations import show_project

MISSING = "RESOURCE_DOES_NOT_EXIST"
STAGES = {"none": "None", "staging": "Staging", "production": "Production", "archived": "Archived"}
MAX_MODELS = 1000
MAX_VERSIONS = 200_000
LOGGED = "models:/m-"


def create(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `POST registered-models/create`."""
    checks.required("name", asked.name)
    name = checks.check_model_name(asked.name)
    tags = checks.other_tags(asked.tags, checks.MAX_MODEL_TAG_VALUE)
    try:
        made = ours.create_entry(workspace, shown=name, description=asked.description or None, tags=tags)
    except ModelExists as error:
        said = f"Registered Model (name={name}) already exists."
        raise Refusal(said, "RESOURCE_ALREADY_EXISTS") from error
    return {"registered_model": _model(made)}


def get(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `GET registered-models/get`."""
    checks.required("name", asked.name)
    return {"registered_model": _model(_entry(workspace, asked.name))}


def search(workspace: Workspace, asked: messages.Search) -> Json:
    """Answer `GET registered-models/search`."""
    limit = _limit(asked.max_results, 100, MAX_MODELS)
    found = ours.find_entries_of(
        workspace,
        where=asked.filter,
        sort=asked.order_by,
        limit=limit,
        after=answers.offset_of(asked.page_token),
    )
    return answers.page("registered_models", [_model(each) for each in found.models], found.after)


def rename(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `POST registered-models/rename`."""
    checks.required("name", asked.name)
    checks.required("new_name", asked.new_name)
    new = checks.check_model_name(asked.new_name)
    _entry(workspace, asked.name)
    try:
        ours.change_entry(workspace, shown=asked.name, renamed=new)
    except ModelExists as error:
        said = f"Registered Model (name={new}) already exists."
        raise Refusal(said, "RESOURCE_ALREADY_EXISTS") from error
    return {"registered_model": _model(_entry(workspace, new))}


def update(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `PATCH registered-models/update`."""
    checks.required("name", asked.name)
    _entry(workspace, asked.name)
    ours.change_entry(workspace, shown=asked.name, description=asked.description or "")
    return {"registered_model": _model(_entry(workspace, asked.name))}


def delete(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `DELETE registered-models/delete`."""
    checks.required("name", asked.name)
    _entry(workspace, asked.name)
    ours.change_entry(workspace, shown=asked.name, lifecycle="deleted")
    return {}


def latest_versions(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `POST registered-models/get-latest-versions`."""
    checks.required("name", asked.name)
    wanted = [_stage(each) for each in asked.stages]
    found = [
        version
        for version in _entry(workspace, asked.name).latest
        if not wanted or _stage_of(version) in wanted
    ]
    return answers.page("model_versions", [_version(each) for each in found], None)


def set_tag(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `POST registered-models/set-tag`."""
    checks.required("name", asked.name)
    checks.required("key", asked.key)
    tags = checks.other_tags([messages.Tag(key=asked.key, value=asked.value)], checks.MAX_MODEL_TAG_VALUE)
    _entry(workspace, asked.name)
    ours.change_entry(workspace, shown=asked.name, tags=tags)
    return {}


def delete_tag(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `DELETE registered-models/delete-tag`."""
    checks.required("name", asked.name)
    checks.required("key", asked.key)
    _entry(workspace, asked.name)
    ours.change_entry(workspace, shown=asked.name, untagged=[asked.key])
    return {}


def set_alias(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `POST registered-models/alias`."""
    checks.required("name", asked.name)
    alias = checks.check_alias(asked.alias, is_new=True)
    checks.required("version", asked.version)
    version = _known_version(workspace, asked.name, asked.version)
    if alias in show_project(workspace).environments:
        # An environment is no free word: what it points to has passed the gate.
        promote_model(workspace, ref=version.ref, environment=alias)
    else:
        ours.set_alias(workspace, shown=asked.name, alias=alias, number=version.number)
    return {}


def delete_alias(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `DELETE registered-models/alias`."""
    checks.required("name", asked.name)
    alias = checks.check_alias(asked.alias)
    _entry(workspace, asked.name)
    ours.set_alias(workspace, shown=asked.name, alias=alias, number=None)
    return {}


def get_by_alias(workspace: Workspace, asked: messages.RegisteredModel) -> Json:
    """Answer `GET registered-models/alias`."""
    checks.required("name", asked.name)
    alias = checks.check_alias(asked.alias)
    _entry(workspace, asked.name)
    try:
        if alias.lower() == "latest":
            newest = max(_entry(workspace, asked.name).latest, key=lambda each: each.number, default=None)
            if newest is None:
                raise Refusal(f"Latest version not found for model {asked.name}.", MISSING)
            return {"model_version": _version(newest)}
        return {"model_version": _version(ours.get_listed(workspace, shown=asked.name, alias=alias))}
    except UnknownVersion as error:
        raise Refusal(f"Registered model alias {alias} not found.") from error


def create_version(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `POST model-versions/create`."""
    checks.required("name", asked.name)
    checks.required("source", asked.source)
    name = checks.check_model_name(asked.name)
    tags = checks.other_tags(asked.tags, checks.MAX_MODEL_TAG_VALUE)
    _entry(workspace, name)
    run, model = asked.run_id, asked.model_id
    if not run and asked.source.startswith(LOGGED):
        run = _logged(workspace, asked.source.removeprefix("models:/"))
    made = ours.register_foreign(
        workspace,
        shown=name,
        origin=asked.source,
        run=run,
        logged_model=model,
        description=asked.description or None,
        tags=tags,
        run_link=asked.run_link or None,
    )
    return {"model_version": _version(made)}


def get_version(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `GET model-versions/get`."""
    return {"model_version": _version(_asked_version(workspace, asked))}


def download_uri(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `GET model-versions/get-download-uri`."""
    found = _asked_version(workspace, asked)
    if found.origin is not None and found.origin.startswith(LOGGED):
        model = tracking.get_logged(workspace, model=found.origin.removeprefix("models:/"), deleted_too=True)
        return {"artifact_uri": answers.model_place(model)}
    return {"artifact_uri": _source(found)}


def search_versions(workspace: Workspace, asked: messages.Search) -> Json:
    """Answer `GET model-versions/search`."""
    limit = _limit(asked.max_results, 10_000, MAX_VERSIONS)
    found = ours.find_versions_of(
        workspace,
        where=asked.filter,
        sort=asked.order_by,
        limit=limit,
        after=answers.offset_of(asked.page_token),
    )
    return answers.page("model_versions", [_version(each) for each in found.versions], found.after)


def update_version(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `PATCH model-versions/update`."""
    found = _asked_version(workspace, asked)
    changed = ours.change_version(
        workspace, shown=asked.name, number=found.number, description=asked.description or ""
    )
    return {"model_version": _version(changed)}


def delete_version(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `DELETE model-versions/delete`."""
    found = _asked_version(workspace, asked)
    ours.remove_version(workspace, shown=asked.name, number=found.number)
    return {}


def transition(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `POST model-versions/transition-stage`."""
    checks.required("stage", asked.stage)
    stage = _stage(asked.stage)
    found = _asked_version(workspace, asked)
    if asked.archive_existing_versions and stage in ("None", "Archived"):
        raise Refusal(
            f"Model version transition cannot archive existing model versions because '{stage}' is not an "
            "Active stage. Valid stages are ['Staging', 'Production']"
        )
    environment = stage.lower()
    if environment in show_project(workspace).environments:
        promote_model(workspace, ref=found.ref, environment=environment)
    if asked.archive_existing_versions:
        for other in _entry(workspace, asked.name).latest:
            if _stage_of(other) == stage and other.number != found.number and not other.environments:
                ours.change_version(workspace, shown=asked.name, number=other.number, stage="Archived")
    changed = ours.change_version(workspace, shown=asked.name, number=found.number, stage=stage)
    return {"model_version": _version(changed)}


def set_version_tag(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `POST model-versions/set-tag`."""
    checks.required("key", asked.key)
    tags = checks.other_tags([messages.Tag(key=asked.key, value=asked.value)], checks.MAX_MODEL_TAG_VALUE)
    found = _asked_version(workspace, asked)
    ours.change_version(workspace, shown=asked.name, number=found.number, tags=tags)
    return {}


def delete_version_tag(workspace: Workspace, asked: messages.ModelVersion) -> Json:
    """Answer `DELETE model-versions/delete-tag`."""
    checks.required("key", asked.key)
    found = _asked_version(workspace, asked)
    ours.change_version(workspace, shown=asked.name, number=found.number, untagged=[asked.key])
    return {}


def _entry(workspace: Workspace, name: str) -> ListedModel:
    try:
        return ours.get_entry(workspace, shown=name)
    except UnknownModel as error:
        raise Refusal(f"Registered Model with name={name[:256]} not found", MISSING) from error


def _known_version(workspace: Workspace, name: str, version: str) -> ListedVersion:
    number = checks.check_version(version)
    try:
        return ours.get_listed(workspace, shown=name, number=number)
    except (UnknownModel, UnknownVersion) as error:
        said = f"Model Version (name={name[:256]}, version={number}) not found"
        raise Refusal(said, MISSING) from error


def _asked_version(workspace: Workspace, asked: messages.ModelVersion) -> ListedVersion:
    checks.required("name", asked.name)
    checks.required("version", asked.version)
    return _known_version(workspace, asked.name, asked.version)


def _logged(workspace: Workspace, model: str) -> str:
    try:
        return tracking.get_logged(workspace, model=model).run or ""
    except LoggedModelNotFound as error:
        raise Refusal(f"Logged model with ID '{model[:80]}' not found.", MISSING) from error


def _limit(given: int | None, default: int, limit: int) -> int:
    if given is not None and given > limit:
        raise Refusal(
            "Invalid value for request parameter max_results. It must be at most "
            f"{limit}, but got value {given}"
        )
    if given is not None and given < 1:
        raise Refusal(f"Invalid value for max_results. It must be a positive integer, but got {given}")
    return default if given is None else given


def _stage(name: str) -> str:
    found = STAGES.get(name.lower())
    if found is None:
        raise Refusal(
            f"Invalid Model Version stage: {name[:80]}. Value must be one of None, Staging, Production, "
            "Archived."
        )
    return found


def _stage_of(version: ListedVersion) -> str:
    """A stage that is an environment is told by what that points to."""
    for environment in version.environments:
        if environment in ("production", "staging"):
            return STAGES[environment]
    return version.stage or "None"


def _model(found: ListedModel) -> Json:
    told: Json = {
        "name": found.shown,
        "creation_timestamp": found.created_ms,
        "last_updated_timestamp": found.changed_ms,
    }
    if found.description is not None:
        told["description"] = found.description
    if found.latest:
        told["latest_versions"] = [_version(each, with_aliases=False) for each in found.latest]
    if found.tags:
        told["tags"] = answers.pairs(found.tags)
    if found.aliases:
        told["aliases"] = [
            {"alias": alias, "version": str(number)} for alias, number in sorted(found.aliases.items())
        ]
    return told


def _source(found: ListedVersion) -> str:
    return f"ropeway:/{found.ref}" if found.origin is None else found.origin


def _version(found: ListedVersion, *, with_aliases: bool = True) -> Json:
    told: dict[str, Any] = {
        "name": found.shown,
        "version": str(found.number),
        "creation_timestamp": found.created_ms,
        "last_updated_timestamp": found.changed_ms,
        "current_stage": _stage_of(found),
        "description": found.description or "",
        "source": _source(found),
        "run_id": found.run,
        "status": "READY",
        "run_link": found.run_link,
    }
    if found.is_ours:
        told["user_id"] = found.by
    if found.tags:
        told["tags"] = answers.pairs(found.tags)
    if with_aliases and found.aliases:
        told["aliases"] = found.aliases
    return told
