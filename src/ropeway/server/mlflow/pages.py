"""Routes that MLflow's pages ask beside those of its client: curves of many runs, data sets, files."""

from ropeway.server.mlflow import answers, checks, page_messages
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.artifacts import Place, files_in, safe_path
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar import operations as ours
from ropeway.tracking.afar.bulk import MAX_RUNS, RunPoint
from ropeway.tracking.afar.errors import LoggedModelNotFound
from ropeway.workspace import Workspace

MAX_POINTS = 25_000
MAX_SAMPLED = 2_500
MAX_EXPERIMENTS = 20
MISSING = "RESOURCE_DOES_NOT_EXIST"


def bulk_history(workspace: Workspace, asked: page_messages.BulkHistory) -> Json:
    """Answer `GET metrics/get-history-bulk`."""
    name = "GetMetricHistoryBulk request"
    if not asked.run_id:
        raise Refusal(f"{name} must specify at least one run_id.")
    _check_count(name, "run_ids", len(asked.run_id), MAX_RUNS)
    if not asked.metric_key:
        raise Refusal(f"{name} must specify a metric_key.")
    limit = MAX_POINTS if asked.max_results is None else max(0, min(asked.max_results, MAX_POINTS))
    found = ours.bulk_history(workspace, runs=asked.run_id, key=asked.metric_key, limit=limit)
    return {"metrics": [_point(asked.metric_key, each) for each in found]}


def sampled_history(workspace: Workspace, asked: page_messages.SampledHistory) -> Json:
    """Answer `GET metrics/get-history-bulk-interval`."""
    checks.required("run_ids", asked.run_ids or None)
    if len(asked.run_ids) > MAX_RUNS:
        raise Refusal(
            f"GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS} run_ids. "
            f"Received {len(asked.run_ids)} run_ids."
        )
    checks.required("metric_key", asked.metric_key)
    if asked.max_results is not None and not 1 <= asked.max_results <= MAX_SAMPLED:
        raise Refusal(
            f"max_results must be between 1 and {MAX_SAMPLED}. See the API docs for more information about "
            "request parameters."
        )
    start, end = asked.start_step, asked.end_step
    if (start is None) != (end is None):
        raise Refusal("If either start step or end step are specified, both must be specified.")
    if start is not None and end is not None and start > end:
        raise Refusal(
            f"end_step must be greater than start_step. Found start_step={start} and end_step={end}."
        )
    found = ours.sampled_history(
        workspace,
        runs=asked.run_ids,
        key=asked.metric_key,
        at_most=asked.max_results or MAX_SAMPLED,
        start=start,
        end=end,
    )
    return answers.page("metrics", [_point(asked.metric_key, each) for each in found], None)


def search_datasets(workspace: Workspace, asked: page_messages.SearchDatasets) -> Json:
    """Answer `POST experiments/search-datasets`: which data sets the runs of some experiments used."""
    name = "SearchDatasets request"
    if not asked.experiment_ids:
        raise Refusal(f"{name} must specify at least one experiment_id.")
    _check_count(name, "experiment_ids", len(asked.experiment_ids), MAX_EXPERIMENTS)
    ids = [checks.check_experiment_id(each) for each in asked.experiment_ids]
    found = [
        {"experiment_id": each.experiment, "name": each.name, "digest": each.digest}
        | ({} if each.context is None else {"context": each.context})
        for each in ours.list_used_datasets(workspace, experiments=ids)
    ]
    return {"dataset_summaries": found} if found else {}


def logged_model_files(workspace: Workspace, asked: page_messages.ListModelFiles, *, model: str) -> Json:
    """Answer `GET logged-models/{model}/artifacts/directories`."""
    path = safe_path(asked.artifact_directory_path) if asked.artifact_directory_path else ""
    try:
        found = ours.get_logged(workspace, model=model)
    except LoggedModelNotFound as error:
        raise Refusal(f"Logged model with ID '{model[:80]}' not found.", MISSING) from error
    files = [each for each in files_in(workspace, Place("", found.id, path)) if each.path != path]
    told: Json = {"root_uri": answers.model_place(found)}
    return told | ({"files": answers.files(files, whole=True)} if files else {})


def _check_count(name: str, of: str, count: int, limit: int) -> None:
    if count > limit:
        raise Refusal(f"{name} cannot specify more than {limit} {of}. Received {count} {of}.")


def _point(key: str, found: RunPoint) -> Json:
    return {
        "key": key,
        "value": answers.number(found.value),
        "timestamp": found.at_ms,
        "step": found.step,
        "run_id": found.run,
    }
