"""What MLflow's pages send beside its client, and what webhooks and files in parts take; see `messages`."""

from ropeway.server.mlflow.messages import ByRun, Message


class BulkHistory(Message):
    """What `metrics/get-history-bulk` takes."""

    run_id: list[str] = []
    metric_key: str = ""
    max_results: int | None = None


class SampledHistory(Message):
    """What `metrics/get-history-bulk-interval` takes."""

    run_ids: list[str] = []
    metric_key: str = ""
    start_step: int | None = None
    end_step: int | None = None
    max_results: int | None = None


class SearchDatasets(Message):
    """What `experiments/search-datasets` takes."""

    experiment_ids: list[str] = []


class FileOfRun(ByRun):
    """What `get-artifact` and `upload-artifact` take."""

    path: str = ""


class FileOfVersion(Message):
    """What `model-versions/get-artifact` takes."""

    name: str = ""
    version: str = ""
    path: str = ""


class FileOfModel(Message):
    """What `logged-models/{model}/artifacts/files` takes."""

    artifact_file_path: str = ""


class ListModelFiles(Message):
    """What `logged-models/{model}/artifacts/directories` takes."""

    artifact_directory_path: str = ""
    page_token: str = ""


class CreateUpload(Message):
    """What `mpu/create` takes."""

    path: str = ""
    num_parts: int = 1


class UploadPart(Message):
    """One part of an upload."""

    part_number: int = 0
    etag: str = ""
    url: str = ""


class CompleteUpload(Message):
    """What `mpu/complete` and `mpu/abort` take."""

    path: str = ""
    upload_id: str = ""
    parts: list[UploadPart] = []


class WebhookEvent(Message):
    """What a webhook is told of: `MODEL_VERSION` and `CREATED`, or their numbers."""

    entity: str | int = ""
    action: str | int = ""


class Webhook(Message):
    """What `webhooks` takes."""

    name: str = ""
    description: str | None = None
    url: str = ""
    events: list[WebhookEvent] = []
    secret: str | None = None
    status: str | int | None = None


class ListWebhooks(Message):
    """What a list of webhooks takes."""

    max_results: int | None = None
    page_token: str = ""


class TryWebhook(Message):
    """What `webhooks/{webhook}/test` takes."""

    event: WebhookEvent | None = None
