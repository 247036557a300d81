"""Routes of experiments and runs."""

from typing import Any

from ropeway.server.mlflow import answers, checks, messages
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.errors import Refusal
from ropeway.server.mlflow.names import new_name
from ropeway.tracking.afar import operations as ours
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.errors import ExperimentExists, ExperimentNotFound, NotActive, ParamFixed
from ropeway.tracking.afar.events import DatasetUse, ModelOutput
from ropeway.tracking.afar.intake import Intake
from ropeway.tracking.afar.measured import Points
from ropeway.tracking.afar.records import Experiment, TrackedRun
from ropeway.tracking.errors import RunNotFound
from ropeway.tracking.seal import seal_points
from ropeway.workspace import Workspace

RUN_NAME = "mlflow.runName"
PARENT = "mlflow.parentRunId"
LOGGED_MODELS = "mlflow.log-model.history"
ENDED = frozenset({"finished", "failed", "interrupted"})
MAX_RUNS = 50_000
MAX_EXPERIMENTS = 50_000
MISSING = "RESOURCE_DOES_NOT_EXIST"


def create_experiment(workspace: Workspace, asked: messages.CreateExperiment) -> Json:
    """Answer `POST experiments/create`."""
    checks.required("name", asked.name)
    tags = checks.other_tags(asked.tags, checks.MAX_EXPERIMENT_TAG_VALUE)
    name = checks.check_experiment_name(asked.name)
    location = checks.check_location(asked.artifact_location)
    try:
        made = ours.create_experiment(workspace, name=name, location=location, tags=tags)
    except ExperimentExists as error:
        said = f"Experiment(name={name}) already exists."
        raise Refusal(said, "RESOURCE_ALREADY_EXISTS") from error
    return {"experiment_id": made}


def get_experiment(workspace: Workspace, asked: messages.ByExperiment) -> Json:
    """Answer `GET experiments/get`."""
    checks.required("experiment_id", asked.experiment_id)
    return {"experiment": answers.experiment(_experiment(workspace, asked.experiment_id))}


def get_experiment_by_name(workspace: Workspace, asked: messages.ByExperimentName) -> Json:
    """Answer `GET experiments/get-by-name`."""
    checks.required("experiment_name", asked.experiment_name)
    try:
        found = ours.get_experiment(workspace, name=asked.experiment_name)
    except ExperimentNotFound as error:
        raise Refusal(
            f"Could not find experiment with name '{asked.experiment_name[:500]}'", MISSING
        ) from error
    return {"experiment": answers.experiment(found)}


def search_experiments(workspace: Workspace, asked: messages.SearchExperiments) -> Json:
    """Answer `POST experiments/search`."""
    limit = checks.check_max_results(asked.max_results, 1000, MAX_EXPERIMENTS)
    after = answers.offset_of(asked.page_token)
    found = ours.find_experiments(
        workspace,
        where=asked.filter,
        sort=asked.order_by,
        view=answers.view_of(asked.view_type),
        limit=limit,
        after=after,
    )
    return answers.page("experiments", [answers.experiment(each) for each in found.experiments], found.after)


def update_experiment(workspace: Workspace, asked: messages.UpdateExperiment) -> Json:
    """Answer `POST experiments/update`."""
    checks.required("experiment_id", asked.experiment_id)
    checks.required("new_name", asked.new_name)
    found = _experiment(workspace, asked.experiment_id)
    if found.lifecycle != "active":
        raise Refusal("Cannot rename a non-active experiment.", "INVALID_STATE")
    name = checks.check_experiment_name(asked.new_name)
    ours.change_experiment(workspace, experiment=found.id, name=name)
    return {}


def delete_experiment(workspace: Workspace, asked: messages.ByExperiment) -> Json:
    """Answer `POST experiments/delete`."""
    return _move_experiment(workspace, asked.experiment_id, "deleted")


def restore_experiment(workspace: Workspace, asked: messages.ByExperiment) -> Json:
    """Answer `POST experiments/restore`."""
    return _move_experiment(workspace, asked.experiment_id, "active")


def set_experiment_tag(workspace: Workspace, asked: messages.ExperimentTag) -> Json:
    """Answer `POST experiments/set-experiment-tag`."""
    checks.required("experiment_id", asked.experiment_id)
    checks.required("key", asked.key)
    tags = checks.other_tags(
        [messages.Tag(key=asked.key, value=asked.value)], checks.MAX_EXPERIMENT_TAG_VALUE
    )
    ours.change_experiment(workspace, experiment=_experiment(workspace, asked.experiment_id).id, tags=tags)
    return {}


def delete_experiment_tag(workspace: Workspace, asked: messages.ExperimentTag) -> Json:
    """Answer `POST experiments/delete-experiment-tag`."""
    checks.required("experiment_id", asked.experiment_id)
    checks.required("key", asked.key)
    found = _experiment(workspace, asked.experiment_id)
    if asked.key not in found.tags:
        raise Refusal(f"No tag with name: {asked.key} in experiment with id {found.id}", MISSING)
    ours.change_experiment(workspace, experiment=found.id, untagged=[asked.key])
    return {}


def create_run(workspace: Workspace, asked: messages.CreateRun) -> Json:
    """Answer `POST runs/create`."""
    tags = checks.checked_tags(asked.tags)
    tagged = tags.get(RUN_NAME, "")
    if asked.run_name and tagged and asked.run_name != tagged:
        raise Refusal(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{asked.run_name}', mlflow.runName='{tagged}')."
        )
    name = _name(asked.run_name or tagged) or new_name()
    number = checks.check_experiment_id(asked.experiment_id)
    try:
        made = ours.open_run(
            workspace,
            experiment=number,
            kind=answers.OF_MLFLOW,
            name=name,
            user=asked.user_id,
            tags=tags | {RUN_NAME: name},
            started_ms=asked.start_time,
            parent=tags.get(PARENT),
        )
    except ExperimentNotFound as error:
        raise checks.no_experiment(number) from error
    return {"run": answers.run(made)}


def update_run(workspace: Workspace, asked: messages.UpdateRun) -> Json:
    """Answer `POST runs/update`."""
    checks.required("run_id", asked.run)
    status: Any = ""
    if asked.status is not None:
        status = answers.OUR_STATUS.get(asked.status, "")
        if not status:
            raise checks.invalid("status", asked.status[:80], " Hint: Value was of type 'str'.")
    tags = {RUN_NAME: _name(asked.run_name)} if asked.run_name else {}
    _with_run(
        asked.run,
        lambda: ours.change_run(
            workspace,
            run=asked.run,
            status=status,
            ended_ms=asked.end_time,
            name=asked.run_name or None,
            tags=tags,
        ),
    )
    found = ours.get_tracked(workspace, run=asked.run)
    if status in ENDED:
        # Points come to rest with their run; those that come later wait for the next time.
        seal_points(workspace, run=found.id)
    return {"run_info": answers.run_info(found)}


def delete_run(workspace: Workspace, asked: messages.ByRun) -> Json:
    """Answer `POST runs/delete`."""
    return _move_run(workspace, asked.run, "deleted")


def restore_run(workspace: Workspace, asked: messages.ByRun) -> Json:
    """Answer `POST runs/restore`."""
    return _move_run(workspace, asked.run, "active")


def get_run(workspace: Workspace, asked: messages.ByRun) -> Json:
    """Answer `GET runs/get`."""
    checks.required("run_id", asked.run)
    return {"run": answers.run(_run(workspace, asked.run), with_outputs=True)}


def log_metric(workspace: Workspace, asked: messages.LogMetric) -> Json:
    """Answer `POST runs/log-metric`."""
    return _record(workspace, asked.run, [_checked_metric(asked)])


def log_batch(workspace: Workspace, asked: messages.LogBatch) -> Json:
    """Answer `POST runs/log-batch`."""
    _check_metrics(asked)
    params = checks.checked_params(asked.params)
    tags = checks.checked_tags(asked.tags)
    try:
        return _record(workspace, asked.run, asked.metrics, params, tags)
    except ParamFixed as error:
        facts = error.facts
        told = [{"key": facts["key"], "old_value": facts["old"], "new_value": facts["new"]}]
        raise Refusal(
            f"Changing param values is not allowed. Params were already logged='{told}' for run "
            f"ID='{facts['run']}'."
        ) from error


def only_points(asked: messages.LogMetric | messages.LogBatch) -> Points | None:
    """The points of a request that brings nothing else; None for one that does, or brings none."""
    if isinstance(asked, messages.LogMetric):
        metrics = [_checked_metric(asked)]
    elif asked.params or asked.tags:
        return None
    else:
        _check_metrics(asked)
        metrics = asked.metrics
    if not metrics or any(each.model_id for each in metrics):
        return None
    return Points(
        # Checked above: each has its key, its value, its time.
        [each.key or "" for each in metrics],
        [each.value or 0.0 for each in metrics],
        [each.timestamp or 0 for each in metrics],
        [each.step for each in metrics],
    )


def admit(intake: Intake, run: str) -> None:
    """See that points of a run may be taken."""
    _with_run(run, lambda: intake.admit(run))


def log_parameter(workspace: Workspace, asked: messages.KeyValue) -> Json:
    """Answer `POST runs/log-parameter`."""
    checks.required("run_id", asked.run)
    checks.required("key", asked.key)
    params = checks.checked_params([messages.Tag(key=asked.key or "", value=asked.value)], "")
    return _record(workspace, asked.run, params=params)


def set_tag(workspace: Workspace, asked: messages.KeyValue) -> Json:
    """Answer `POST runs/set-tag`."""
    checks.required("run_id", asked.run)
    checks.required("key", asked.key)
    tags = checks.checked_tags([messages.Tag(key=asked.key or "", value=asked.value)], "")
    return _record(workspace, asked.run, tags=tags)


def delete_tag(workspace: Workspace, asked: messages.KeyValue) -> Json:
    """Answer `POST runs/delete-tag`."""
    checks.required("run_id", asked.run)
    checks.required("key", asked.key)
    found = _run(workspace, asked.run)
    key = asked.key or ""
    if found.lifecycle == "active" and key not in found.tags:
        raise Refusal(f"No tag with name: {key} in run with id {found.hex}", MISSING)
    ours.change_run(workspace, run=asked.run, untagged=[key])
    return {}


def search_runs(workspace: Workspace, asked: messages.SearchRuns) -> Json:
    """Answer `POST runs/search`."""
    limit = checks.check_max_results(asked.max_results, 1000, MAX_RUNS)
    found = ours.find_tracked(
        workspace,
        experiments=[checks.check_experiment_id(each) for each in asked.experiment_ids],
        where=asked.filter,
        sort=asked.order_by,
        view=answers.view_of(asked.run_view_type),
        limit=limit,
        after=answers.offset_of(asked.page_token),
    )
    return answers.page("runs", [answers.run(each, with_outputs=True) for each in found.runs], found.after)


def get_history(workspace: Workspace, asked: messages.GetHistory) -> Json:
    """Answer `GET metrics/get-history`."""
    checks.required("run_id", asked.run)
    checks.required("metric_key", asked.metric_key)
    if asked.max_results is not None and asked.max_results <= 0:
        raise Refusal(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied. It must be a positive "
            "integer."
        )
    try:
        found = ours.metric_history(
            workspace,
            run=asked.run,
            key=asked.metric_key,
            limit=min(asked.max_results or 2**31, 2**31),
            after=answers.offset_of(asked.page_token),
        )
    except RunNotFound:
        # MLflow does not look whether there is such a run.
        return {}
    return answers.page("metrics", [answers.metric(each) for each in found.points], found.after)


def log_inputs(workspace: Workspace, asked: messages.LogInputs) -> Json:
    """Answer `POST runs/log-inputs`."""
    checks.required("run_id", asked.run)
    datasets = [_dataset_of(each) for each in asked.datasets]
    models = [_model_id(each) for each in asked.models]
    _with_run(asked.run, lambda: ours.link_run(workspace, run=asked.run, datasets=datasets, models_in=models))
    return {}


def log_outputs(workspace: Workspace, asked: messages.LogInputs) -> Json:
    """Answer `POST runs/outputs`."""
    checks.required("run_id", asked.run)
    made = [ModelOutput(model=_model_id(each), step=each.step) for each in asked.models]
    _with_run(asked.run, lambda: ours.link_run(workspace, run=asked.run, models_out=made))
    return {}


def log_model(workspace: Workspace, asked: messages.LogModel) -> Json:
    """The way of MLflow's 2.x: a list of models in a tag of the run."""
    import json

    checks.required("run_id", asked.run)
    checks.required("model_json", asked.model_json)
    bad = f"Malformed model info. \n {asked.model_json[:500]} \n is not valid JSON."
    try:
        model = json.loads(asked.model_json)
    except (ValueError, RecursionError):
        raise Refusal(bad) from None
    if not isinstance(model, dict):
        raise Refusal(bad)
    if lacking := {"run_id", "artifact_path", "utc_time_created", "flavors"} - set(model):
        raise Refusal(f"Model json is missing mandatory fields: {sorted(lacking)}")
    models = _models_told(_run(workspace, asked.run).tags.get(LOGGED_MODELS, ""))
    # What is sent again, its answer being lost, is one model still.
    if model not in models:
        tags = {LOGGED_MODELS: json.dumps([*models, model])}
        _with_run(asked.run, lambda: ours.change_run(workspace, run=asked.run, tags=tags))
    return {}


def _models_told(tag: str) -> list[Any]:
    """Models in a run's tag; none where a client has put something else there."""
    import json

    try:
        found = json.loads(tag)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def list_artifacts(workspace: Workspace, asked: messages.ListArtifacts) -> Json:
    """Answer `GET artifacts/list`."""
    checks.required("run_id", asked.run)
    found = _run(workspace, asked.run)
    from ropeway.server.mlflow.artifacts import safe_path

    path = safe_path(asked.path) if asked.path else ""
    files = ours.list_run_files(workspace, run=asked.run, path=path)
    # A file has nothing under it.
    listed = [each for each in files if each.path != path]
    told: Json = {"root_uri": answers.run_place(found)}
    if listed:
        told["files"] = answers.files(listed, whole=True)
    return told


def _experiment(workspace: Workspace, number: str) -> Experiment:
    checked = checks.check_experiment_id(number)
    try:
        return ours.get_experiment(workspace, experiment=checked)
    except ExperimentNotFound as error:
        raise checks.no_experiment(checked) from error


def _move_experiment(workspace: Workspace, number: str, lifecycle: Any) -> Json:
    checks.required("experiment_id", number)
    found = _experiment(workspace, number)
    try:
        ours.change_experiment(workspace, experiment=found.id, lifecycle=lifecycle)
    except NotActive as error:
        raise checks.no_experiment(found.id) from error
    return {}


def _run(workspace: Workspace, run: str) -> TrackedRun:
    found: TrackedRun = _with_run(run, lambda: ours.get_tracked(workspace, run=run))
    return found


def _with_run(run: str, act: Any) -> Any:
    try:
        return act()
    except RunNotFound as error:
        raise Refusal(f"Run with id={run[:256]} not found", MISSING) from error


def _move_run(workspace: Workspace, run: str, lifecycle: Any) -> Json:
    checks.required("run_id", run)
    _with_run(run, lambda: ours.change_run(workspace, run=run, lifecycle=lifecycle))
    return {}


def _record(
    workspace: Workspace,
    run: str,
    metrics: list[messages.Metric] | None = None,
    params: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> Json:
    metrics, params, tags = metrics or [], params or {}, tags or {}
    figures = [
        Figure(
            model=each.model_id,
            key=each.key or "",
            value=each.value or 0.0,
            at_ms=each.timestamp or 0,
            step=str(each.step),
            dataset_name=each.dataset_name or None,
            dataset_digest=each.dataset_digest or None,
        )
        for each in metrics
        if each.model_id
    ]
    arguments: dict[str, Any] = {
        "run": run,
        "keys": [each.key for each in metrics],
        "values": [each.value for each in metrics],
        "times_ms": [each.timestamp for each in metrics],
        "steps": [each.step for each in metrics],
        "params": params,
        "tags": tags,
        # The name is a tag too, and the tag is how clients change it.
        "name": _name(tags[RUN_NAME]) if RUN_NAME in tags else None,
        "figures": figures,
    }
    _with_run(run, lambda: workspace.perform(ours.record_batch, arguments))
    return {}


def _checked_metric(asked: messages.LogMetric) -> messages.Metric:
    checks.required("run_id", asked.run)
    checks.required("key", asked.key)
    checks.required("value", asked.value)
    checks.required("timestamp", asked.timestamp)
    one = messages.Metric(
        asked.key,
        asked.value,
        asked.timestamp,
        asked.step,
        asked.model_id,
        asked.dataset_name,
        asked.dataset_digest,
    )
    checks.check_metric(one)
    return one


def _check_metrics(asked: messages.LogBatch) -> None:
    checks.required("run_id", asked.run)
    checks.check_batch(0, len(asked.metrics), len(asked.params), len(asked.tags))
    for number, each in enumerate(asked.metrics):
        checks.check_metric(each, f"metrics[{number}]")


def _name(name: str) -> str:
    return checks.check_length("run_name", name, checks.MAX_RUN_NAME)


def _model_id(link: messages.ModelLink) -> str:
    return checks.check_length("model_id", link.model_id, checks.MAX_KEY)


def _dataset_of(given: messages.DatasetInput) -> DatasetUse:
    dataset = given.dataset
    if dataset is None:
        raise Refusal("Dataset input must have a dataset associated with it.")
    for name in ("name", "digest", "source_type", "source"):
        if getattr(dataset, name) is None:
            raise Refusal(f"Dataset {name} cannot be None")
    for name, limit in checks.MAX_DATASET.items():
        if len(getattr(dataset, name) or "") > limit:
            raise Refusal(f"Dataset {name} exceeds the maximum length of {limit} characters")
    for tag in given.tags:
        checks.check_length("InputTag key", tag.key, 255)
        checks.check_length("InputTag value", tag.value, 500)
    return DatasetUse(
        name=dataset.name or "",
        digest=dataset.digest or "",
        source_type=dataset.source_type or "",
        source=dataset.source or "",
        schema=dataset.schema,
        profile=dataset.profile,
        tags={tag.key: tag.value for tag in given.tags},
    )
