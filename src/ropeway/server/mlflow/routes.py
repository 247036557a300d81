"""The table of MLflow's routes: method, path, who may use it, and what does it."""

import re
from collections.abc import Callable
from typing import NamedTuple

from ropeway.members.roles import DESCRIBE, HEALTH
from ropeway.server.mlflow import (
    assessments,
    files,
    logged,
    messages,
    page_messages,
    pages,
    parts,
    registry,
    runs,
    trace_messages,
    traces,
    webhooks,
)
from ropeway.server.mlflow.absent import instead_of
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.errors import NotOffered
from ropeway.server.mlflow.files import FileRoute
from ropeway.serving.errors import NoSuchMethod

PREFIX = re.compile(r"/(?:ajax-)?api/[23]\.0/?mlflow(?:-artifacts)?(?:/|$)")
"""Paths that are MLflow's, whatever is behind them; one of its own has no slash where it should."""
VERSION = "/version"
ARTIFACTS = "/mlflow-artifacts/artifacts"
SERVER_INFO = "/mlflow/server-info"
BARE = ("/get-artifact", "/model-versions/get-artifact")
"""Paths that MLflow has without anything before them."""
ODD = "mlflow/experiments/search-datasets"
"""The one that its clients write without the slash before it: `/api/2.0mlflow/…`."""
READ, WRITE = "runs:read", "runs:write"
MODELS_READ, MODELS_WRITE = "models:read", "models:write"
HOOKS = "webhooks:manage"

Handler = Callable[..., Json]


class Endpoint(NamedTuple):
    """One route. `path` is without `/api/2.0`; a name in braces takes one part, `{path}` all that follow.

    Whatever stands before it (`/api/3.0`, `/ajax-api/2.0` …), it is this one, with this permission. `carries`
    takes the place of a handler where the body or the answer is a file.
    """

    method: str
    path: str
    permission: str
    message: type[messages.Message]
    handler: Handler | None
    carries: FileRoute | None = None

    @property
    def name(self) -> str:
        """How the policy calls it."""
        return f"{self.method} {'' if self.path in BARE else '/api/2.0'}{self.path}"


def _get(path: str, permission: str, message: type[messages.Message], handler: Handler) -> Endpoint:
    return Endpoint("GET", f"/mlflow/{path}", permission, message, handler)


def _post(path: str, permission: str, message: type[messages.Message], handler: Handler) -> Endpoint:
    return Endpoint("POST", f"/mlflow/{path}", permission, message, handler)


def _other(
    method: str, path: str, permission: str, message: type[messages.Message], handler: Handler
) -> Endpoint:
    return Endpoint(method, f"/mlflow/{path}", permission, message, handler)


M, P, T = messages, page_messages, trace_messages
_TRACKING = (
    _post("experiments/create", WRITE, M.CreateExperiment, runs.create_experiment),
    _get("experiments/get", READ, M.ByExperiment, runs.get_experiment),
    _get("experiments/get-by-name", READ, M.ByExperimentName, runs.get_experiment_by_name),
    _post("experiments/search", READ, M.SearchExperiments, runs.search_experiments),
    _get("experiments/search", READ, M.SearchExperiments, runs.search_experiments),
    _post("experiments/update", WRITE, M.UpdateExperiment, runs.update_experiment),
    _post("experiments/delete", WRITE, M.ByExperiment, runs.delete_experiment),
    _post("experiments/restore", WRITE, M.ByExperiment, runs.restore_experiment),
    _post("experiments/set-experiment-tag", WRITE, M.ExperimentTag, runs.set_experiment_tag),
    _post("experiments/delete-experiment-tag", WRITE, M.ExperimentTag, runs.delete_experiment_tag),
    _post("runs/create", WRITE, M.CreateRun, runs.create_run),
    _post("runs/update", WRITE, M.UpdateRun, runs.update_run),
    _post("runs/delete", WRITE, M.ByRun, runs.delete_run),
    _post("runs/restore", WRITE, M.ByRun, runs.restore_run),
    _get("runs/get", READ, M.ByRun, runs.get_run),
    _post("runs/search", READ, M.SearchRuns, runs.search_runs),
    _post("runs/log-metric", WRITE, M.LogMetric, runs.log_metric),
    _post("runs/log-batch", WRITE, M.LogBatch, runs.log_batch),
    _post("runs/log-parameter", WRITE, M.KeyValue, runs.log_parameter),
    _post("runs/set-tag", WRITE, M.KeyValue, runs.set_tag),
    _post("runs/delete-tag", WRITE, M.KeyValue, runs.delete_tag),
    _post("runs/log-inputs", WRITE, M.LogInputs, runs.log_inputs),
    _post("runs/outputs", WRITE, M.LogInputs, runs.log_outputs),
    _post("runs/log-model", WRITE, M.LogModel, runs.log_model),
    _get("metrics/get-history", READ, M.GetHistory, runs.get_history),
    _get("metrics/get-history-bulk", READ, P.BulkHistory, pages.bulk_history),
    _get("metrics/get-history-bulk-interval", READ, P.SampledHistory, pages.sampled_history),
    _post("experiments/search-datasets", READ, P.SearchDatasets, pages.search_datasets),
    _get("artifacts/list", READ, M.ListArtifacts, runs.list_artifacts),
)
_LOGGED = (
    _post("logged-models", WRITE, M.CreateLoggedModel, logged.create),
    _post("logged-models/search", READ, M.SearchLoggedModels, logged.search),
    _get("logged-models/{model}", READ, M.Message, logged.get),
    _other("PATCH", "logged-models/{model}", WRITE, M.ChangeLoggedModel, logged.finalize),
    _other("DELETE", "logged-models/{model}", WRITE, M.Message, logged.delete),
    _other("PATCH", "logged-models/{model}/tags", WRITE, M.ChangeLoggedModel, logged.set_tags),
    _other("DELETE", "logged-models/{model}/tags/{key}", WRITE, M.Message, logged.delete_tag),
    _post("logged-models/{model}/params", WRITE, M.ChangeLoggedModel, logged.log_params),
    _get("logged-models/{model}/artifacts/directories", READ, P.ListModelFiles, pages.logged_model_files),
)
_REGISTERED = (
    _post("registered-models/create", MODELS_WRITE, M.RegisteredModel, registry.create),
    _get("registered-models/get", MODELS_READ, M.RegisteredModel, registry.get),
    _get("registered-models/search", MODELS_READ, M.Search, registry.search),
    _post("registered-models/rename", MODELS_WRITE, M.RegisteredModel, registry.rename),
    _other("PATCH", "registered-models/update", MODELS_WRITE, M.RegisteredModel, registry.update),
    _other("DELETE", "registered-models/delete", MODELS_WRITE, M.RegisteredModel, registry.delete),
    _post("registered-models/get-latest-versions", MODELS_READ, M.RegisteredModel, registry.latest_versions),
    _get("registered-models/get-latest-versions", MODELS_READ, M.RegisteredModel, registry.latest_versions),
    _post("registered-models/set-tag", MODELS_WRITE, M.RegisteredModel, registry.set_tag),
    _other("DELETE", "registered-models/delete-tag", MODELS_WRITE, M.RegisteredModel, registry.delete_tag),
    _post("registered-models/alias", MODELS_WRITE, M.RegisteredModel, registry.set_alias),
    _other("DELETE", "registered-models/alias", MODELS_WRITE, M.RegisteredModel, registry.delete_alias),
    _get("registered-models/alias", MODELS_READ, M.RegisteredModel, registry.get_by_alias),
    _post("model-versions/create", MODELS_WRITE, M.ModelVersion, registry.create_version),
    _get("model-versions/get", MODELS_READ, M.ModelVersion, registry.get_version),
    _get("model-versions/get-download-uri", MODELS_READ, M.ModelVersion, registry.download_uri),
    _get("model-versions/search", MODELS_READ, M.Search, registry.search_versions),
    _other("PATCH", "model-versions/update", MODELS_WRITE, M.ModelVersion, registry.update_version),
    _other("DELETE", "model-versions/delete", MODELS_WRITE, M.ModelVersion, registry.delete_version),
    _post("model-versions/transition-stage", MODELS_WRITE, M.ModelVersion, registry.transition),
    _post("model-versions/set-tag", MODELS_WRITE, M.ModelVersion, registry.set_version_tag),
    _other("DELETE", "model-versions/delete-tag", MODELS_WRITE, M.ModelVersion, registry.delete_version_tag),
)

_WEBHOOKS = (
    _post("webhooks", HOOKS, P.Webhook, webhooks.create),
    _get("webhooks", HOOKS, P.ListWebhooks, webhooks.list_all),
    _get("webhooks/{webhook}", HOOKS, M.Message, webhooks.get),
    _other("PATCH", "webhooks/{webhook}", HOOKS, P.Webhook, webhooks.update),
    _other("DELETE", "webhooks/{webhook}", HOOKS, M.Message, webhooks.delete),
    _post("webhooks/{webhook}/test", HOOKS, P.TryWebhook, webhooks.test),
)

_TRACES = (
    _post("traces", WRITE, T.StartTrace, traces.start),
    _get("traces", READ, T.SearchTraces, traces.search_2),
    _post("traces/search", READ, T.SearchTraces, traces.search),
    _get("traces/get", READ, T.GetTrace, traces.get_whole),
    _get("traces/batchGet", READ, T.SomeTraces, traces.get_some),
    _post("traces/batchGetInfos", READ, T.SomeTraces, traces.get_some_infos),
    _post("traces/delete-traces", WRITE, T.DeleteTraces, traces.delete),
    _post("traces/link-to-run", WRITE, T.SomeTraces, traces.link_to_run),
    _post("traces/link-prompts", WRITE, T.LinkPrompts, traces.link_prompts),
    _get("traces/{trace}", READ, M.Message, traces.get_info),
    _other("PATCH", "traces/{trace}", WRITE, T.EndTrace, traces.end_2),
    _get("traces/{trace}/info", READ, M.Message, traces.get_info_2),
    _other("PATCH", "traces/{trace}/tags", WRITE, T.TraceTag, traces.set_tag),
    _other("DELETE", "traces/{trace}/tags", WRITE, T.TraceTag, traces.delete_tag),
    _post("traces/{trace}/assessments", WRITE, T.ChangeAssessment, assessments.create),
    _get("traces/{trace}/assessments/{assessment}", READ, M.Message, assessments.get),
    _other("PATCH", "traces/{trace}/assessments/{assessment}", WRITE, T.ChangeAssessment, assessments.update),
    _other("DELETE", "traces/{trace}/assessments/{assessment}", WRITE, M.Message, assessments.delete),
)


def _file(method: str, path: str, permission: str, carries: FileRoute) -> Endpoint:
    return Endpoint(method, path, permission, M.Message, None, carries)


_FILES = (
    Endpoint("GET", ARTIFACTS, READ, M.ListArtifacts, None),
    _file("GET", f"{ARTIFACTS}/{{path}}", READ, files.get),
    _file("PUT", f"{ARTIFACTS}/{{path}}", WRITE, files.put),
    _file("DELETE", f"{ARTIFACTS}/{{path}}", WRITE, files.delete),
    _file("POST", "/mlflow-artifacts/mpu/create/{path}", WRITE, parts.create),
    _file("PUT", f"{parts.PARTS}/{{upload}}/{{number}}", WRITE, parts.put),
    _file("POST", "/mlflow-artifacts/mpu/complete/{path}", WRITE, parts.complete),
    _file("POST", "/mlflow-artifacts/mpu/abort/{path}", WRITE, parts.abort),
    _file("GET", BARE[0], READ, files.get_of_run),
    _file("GET", BARE[1], MODELS_READ, files.get_of_version),
    _file("GET", "/mlflow/logged-models/{model}/artifacts/files", READ, files.get_of_logged_model),
    _file("POST", "/mlflow/upload-artifact", WRITE, files.put_of_run),
)
_SERVER = (Endpoint("GET", SERVER_INFO, DESCRIBE, M.Message, None),)

ENDPOINTS = (*_TRACKING, *_LOGGED, *_REGISTERED, *_WEBHOOKS, *_TRACES, *_FILES, *_SERVER)
PERMISSIONS = frozenset({*(each.permission for each in ENDPOINTS), HEALTH})

_BY_PATH = {(each.method, each.path): each for each in ENDPOINTS if "{" not in each.path}
_WITH_NAMES = [
    (
        each,
        re.compile(
            re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", each.path).replace("(?P<path>[^/]+)", "(?P<path>.+)"),
            re.DOTALL,
        ),
    )
    for each in ENDPOINTS
    if "{" in each.path
]
_API = re.compile(r"/(?:ajax-)?api/[23]\.0")


def is_mlflow(path: str) -> bool:
    """Whether a path is MLflow's."""
    if path in BARE:
        return True
    return path.startswith(("/api/2.0", "/api/3.0", "/ajax-api/")) and PREFIX.match(path) is not None


def find(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """The route of a request, and the names in its path.

    Raises:
        NotOffered: there is none here.
        NoSuchMethod: there is, with another method.
    """
    api = _API.match(path)
    rest = path[api.end() :] if api else path
    if rest == ODD:
        rest = f"/{ODD}"
    asked = "GET" if method == "HEAD" else method
    found = _BY_PATH.get((asked, rest))
    if found is not None:
        return found, {}
    for each, pattern in _WITH_NAMES:
        if each.method == asked and (names := pattern.fullmatch(rest)):
            return each, names.groupdict()
    instead = instead_of(rest)
    # A known absence may look like a name: `traces/metrics` is no trace.
    if not instead and (allowed := _methods(rest)):
        raise NoSuchMethod(method, path[:120], allowed)
    raise NotOffered(method, path, instead)


def _methods(rest: str) -> list[str]:
    """Those that a path has."""
    plain = {method for method, path in _BY_PATH if path == rest}
    return sorted(plain | {each.method for each, pattern in _WITH_NAMES if pattern.fullmatch(rest)})
