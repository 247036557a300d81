"""Our records in the shapes that MLflow's client reads: what is unset is left out, NaN is text."""

import base64
import binascii
import math
from typing import Any

import msgspec

from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar.events import DatasetUse
from ropeway.tracking.afar.experiments import View
from ropeway.tracking.afar.records import Experiment, KeptFile, LoggedModel, MetricNow, TrackedRun

STATUS = {
    "running": "RUNNING",
    "scheduled": "SCHEDULED",
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}
OUR_STATUS: dict[str, Any] = {theirs: ours for ours, theirs in STATUS.items()}
MODEL_STATUS = {
    "pending": "LOGGED_MODEL_PENDING",
    "ready": "LOGGED_MODEL_READY",
    "failed": "LOGGED_MODEL_UPLOAD_FAILED",
}
OUR_MODEL_STATUS = {theirs: ours for ours, theirs in MODEL_STATUS.items()}
# protobuf's JSON takes the number of an enum's value as well as its name.
MODEL_STATUS_NUMBERS = {"1": "pending", "2": "ready", "3": "failed"}
VIEWS: dict[str, View] = {
    "ACTIVE_ONLY": "active",
    "DELETED_ONLY": "deleted",
    "ALL": "all",
    "1": "active",
    "2": "deleted",
    "3": "all",
}
PROXY = "mlflow-artifacts:/"
OF_MLFLOW = "mlflow"

Json = dict[str, Any]


def number(value: float) -> float | str:
    """A number as protobuf's JSON has it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def experiment(found: Experiment) -> Json:
    """An experiment."""
    told: Json = {
        "experiment_id": found.id,
        "name": found.name,
        "artifact_location": experiment_place(found.id, found.location),
        "lifecycle_stage": found.lifecycle,
        "last_update_time": found.changed_ms,
        "creation_time": found.created_ms,
    }
    if found.tags:
        told["tags"] = pairs(found.tags)
    return told


def experiment_place(number: str, location: str | None) -> str:
    """Where the client of an experiment keeps files."""
    return location or f"{PROXY}{number}"


def run_place(found: TrackedRun) -> str:
    """Where the client of a run keeps its files."""
    return f"{experiment_place(found.experiment, found.location).rstrip('/')}/{found.hex}/artifacts"


def model_place(found: LoggedModel) -> str:
    """Where the files of a logged model are kept."""
    return f"{experiment_place(found.experiment, found.location).rstrip('/')}/models/{found.id}/artifacts"


def run_info(found: TrackedRun) -> Json:
    """A run without what was logged."""
    told: Json = {
        "run_uuid": found.hex,
        "experiment_id": found.experiment,
        "run_name": found.name,
        "user_id": found.user,
        "status": STATUS.get(found.status, "RUNNING"),
        "start_time": found.started_ms,
        "artifact_uri": run_place(found),
        "lifecycle_stage": found.lifecycle,
        "run_id": found.hex,
    }
    if found.ended_ms is not None:
        told["end_time"] = found.ended_ms
    return told


def run(found: TrackedRun, *, with_outputs: bool = False) -> Json:
    """A whole run; one that has just begun is told without outputs."""
    data: Json = {}
    if found.metrics:
        data["metrics"] = [metric(each) for each in found.metrics]
    if found.params:
        data["params"] = pairs(found.params)
    if tags := _tags(found):
        data["tags"] = pairs(tags)
    inputs: Json = {}
    if found.datasets:
        inputs["dataset_inputs"] = [_dataset(each) for each in found.datasets]
    if found.models_in:
        inputs["model_inputs"] = [{"model_id": each} for each in found.models_in]
    told: Json = {"info": run_info(found), "data": data, "inputs": inputs}
    if with_outputs:
        told["outputs"] = {}
    if found.models_out:
        told["outputs"] = {
            "model_outputs": [{"model_id": each.model, "step": each.step} for each in found.models_out]
        }
    return told


def _tags(found: TrackedRun) -> dict[str, str]:
    """A run's tags; of one that MLflow did not record also those by which its pages find their way."""
    if found.kind == OF_MLFLOW:
        return found.tags
    made = {"mlflow.runName": found.name, "mlflow.user": found.user, "mlflow.source.name": "ropeway"}
    if found.commit:
        made["mlflow.source.git.commit"] = found.commit
    return {**{key: value for key, value in made.items() if value}, **found.tags}


def _dataset(found: DatasetUse) -> Json:
    dataset: Json = {
        "name": found.name,
        "digest": found.digest,
        "source_type": found.source_type,
        "source": found.source,
    }
    if found.schema is not None:
        dataset["schema"] = found.schema
    if found.profile is not None:
        dataset["profile"] = found.profile
    return {"tags": pairs(found.tags), "dataset": dataset} if found.tags else {"dataset": dataset}


def metric(found: MetricNow) -> Json:
    """A point."""
    return {"key": found.key, "value": number(found.value), "timestamp": found.at_ms, "step": found.step}


def pairs(words: dict[str, str]) -> list[Json]:
    """Params or tags."""
    return [{"key": key, "value": value} for key, value in words.items()]


def files(found: list[KeptFile], *, whole: bool, under: str = "") -> list[Json]:
    """Files; by their whole name, or by what it is under a folder."""
    cut = 0 if whole or not under else len(under) + 1
    return [
        {"path": each.path[cut:] or each.path.rpartition("/")[2], "is_dir": each.digest is None}
        | ({} if each.digest is None else {"file_size": each.size_bytes})
        for each in found
    ]


def logged_model(found: LoggedModel) -> Json:
    """A logged model."""
    info: Json = {
        "model_id": found.id,
        "experiment_id": found.experiment,
        "name": found.name,
        "creation_timestamp_ms": found.created_ms,
        "last_updated_timestamp_ms": found.changed_ms,
        "artifact_uri": model_place(found),
        "status": MODEL_STATUS[found.status],
    }
    if found.kind:
        info["model_type"] = found.kind
    if found.run:
        info["source_run_id"] = found.run
    if found.tags:
        info["tags"] = pairs(found.tags)
    data: Json = {}
    if found.params:
        data["params"] = pairs(found.params)
    if found.metrics:
        data["metrics"] = [_figure(found, each) for each in found.metrics]
    return {"model": {"info": info, "data": data}}


def _figure(model: LoggedModel, found: Any) -> Json:
    told: Json = {
        "key": found.key,
        "value": number(found.value),
        "timestamp": found.at_ms,
        "step": found.step,
        "model_id": model.id,
        "run_id": found.run.removeprefix("run_"),
    }
    if found.dataset_name:
        told["dataset_name"] = found.dataset_name
    if found.dataset_digest:
        told["dataset_digest"] = found.dataset_digest
    return told


def token(after: int) -> str:
    """A page token, opaque to its client."""
    return base64.b64encode(msgspec.json.encode({"offset": after})).decode()


def offset_of(page_token: str) -> int:
    """Where a page begins.

    Raises:
        Refusal: it is no token of ours.
    """
    if not page_token:
        return 0
    try:
        told = msgspec.json.decode(base64.b64decode(page_token, validate=True), type=dict[str, int])
        offset = told["offset"]
    except (msgspec.DecodeError, binascii.Error, ValueError, KeyError) as error:
        raise Refusal("Invalid page token, could not base64-decode") from error
    if not 0 <= offset < 2**62:
        raise Refusal(f"Invalid page token, offset {offset}")
    return offset


def page(name: str, items: list[Json], after: int | None) -> Json:
    """A page of a list, which is left out where it is empty."""
    told: Json = {name: items} if items else {}
    if after is not None:
        told["next_page_token"] = token(after)
    return told


def view_of(name: str) -> View:
    """A view type in our words."""
    found = VIEWS.get(name)
    if found is None:
        raise Refusal(f"Invalid ViewType '{name[:40]}'")
    return found
