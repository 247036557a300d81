"""Routes of logged models: files under an id of their own."""

from typing import Any

from ropeway.server.mlflow import answers, checks, messages
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar import operations as ours
from ropeway.tracking.afar.errors import LoggedModelNotFound, TagNotThere
from ropeway.workspace import Workspace

MAX_MODELS = 1000
_BAD_IN_NAMES = frozenset("/:.%\"'")


def create(workspace: Workspace, asked: messages.CreateLoggedModel) -> Json:
    """Answer `POST logged-models`."""
    checks.required("experiment_id", asked.experiment_id)
    if _BAD_IN_NAMES & set(asked.name):
        raise Refusal(
            f"Invalid model name ({asked.name[:200]!r}) provided. Model name must be a non-empty string and "
            "cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    made = ours.create_logged(
        workspace,
        experiment=checks.check_experiment_id(asked.experiment_id),
        name=asked.name,
        kind=asked.model_type,
        run=asked.source_run_id or None,
        params=checks.short_keys("Param", asked.params),
        tags=checks.short_keys("Tag", asked.tags),
    )
    return answers.logged_model(made)


def get(workspace: Workspace, _asked: messages.Message, model: str) -> Json:
    """Answer `GET logged-models/{model}`."""
    return answers.logged_model(_known(model, lambda: ours.get_logged(workspace, model=model)))


def finalize(workspace: Workspace, asked: messages.ChangeLoggedModel, model: str) -> Json:
    """Answer `PATCH logged-models/{model}`."""
    checks.required("status", asked.status)
    status = answers.OUR_MODEL_STATUS.get(asked.status) or answers.MODEL_STATUS_NUMBERS.get(asked.status)
    if status is None:
        raise checks.invalid("status", asked.status[:80], " Hint: Value was of type 'str'.")
    return _change(workspace, model, status=status)


def delete(workspace: Workspace, _asked: messages.Message, model: str) -> Json:
    """Answer `DELETE logged-models/{model}`."""
    _known(model, lambda: ours.get_logged(workspace, model=model))
    _change(workspace, model, lifecycle="deleted")
    return {}


def set_tags(workspace: Workspace, asked: messages.ChangeLoggedModel, model: str) -> Json:
    """Answer `PATCH logged-models/{model}/tags`."""
    _change(workspace, model, tags=checks.short_keys("Tag", asked.tags))
    return {}


def delete_tag(workspace: Workspace, _asked: messages.Message, model: str, key: str) -> Json:
    """Answer `DELETE logged-models/{model}/tags/{key}`."""
    try:
        _change(workspace, model, untagged=[key])
    except TagNotThere as error:
        said = f"No tag with key {key!r} found for model with ID {model!r}."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
    return {}


def log_params(workspace: Workspace, asked: messages.ChangeLoggedModel, model: str) -> Json:
    """Answer `POST logged-models/{model}/params`."""
    _change(workspace, model, params=checks.short_keys("Param", asked.params))
    return {}


def search(workspace: Workspace, asked: messages.SearchLoggedModels) -> Json:
    """Answer `POST logged-models/search`."""
    if any(each.name is None for each in asked.datasets):
        raise Refusal("`dataset_name` in the `datasets` clause must be specified.")
    limit = checks.check_max_results(asked.max_results, 100, MAX_MODELS)
    found = ours.find_logged(
        workspace,
        experiments=[checks.check_experiment_id(each) for each in asked.experiment_ids],
        where=asked.filter,
        sort=[f"{each.field_name} {'ASC' if each.ascending else 'DESC'}" for each in asked.order_by],
        datasets=[(each.name or "", each.digest or "") for each in asked.datasets],
        limit=limit,
        after=answers.offset_of(asked.page_token),
    )
    models = [answers.logged_model(each)["model"] for each in found.models]
    return answers.page("models", models, found.after)


def _change(workspace: Workspace, model: str, **changed: Any) -> Json:
    return answers.logged_model(_known(model, lambda: ours.change_logged(workspace, model=model, **changed)))


def _known(model: str, act: Any) -> Any:
    try:
        return act()
    except LoggedModelNotFound as error:
        said = f"Logged model with ID '{model[:200]}' not found."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
