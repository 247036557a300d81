"""The project that MLflow's routes are attacked in: one of everything that a route can name."""

from pathlib import Path
from typing import Any

from tests.attacks.strings import MARK
from tests.mlflow.trace_calls import FIRST, T1, span
from tests.server.conftest import Server

from ropeway.server.mlflow.routes import ARTIFACTS
from ropeway.testing import make_workspace

API = "/api/2.0"
SECRET = "of-nobody-else"
HOME = {"x-mlflow-experiment-id": "0"}
HOOK = "93.184.216.34"
"""Where the webhook is; its address is looked up when it is made, and again when it is to be told."""


class Stage:
    """A project with a run, a file, a model and a version of it, a prompt, a trace, a webhook, an upload.

    Attributes:
        names: what stands in the paths of routes, by the word in braces.
        values: what the fields of messages hold, where they are fine, by their names.
        grant: what the parts of the upload show.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "deep" / "down" / "project"
        self.workspace = make_workspace(self.folder)
        for name in (MARK, f"{MARK}.csv"):
            for place in (self.folder, *list(self.folder.parents)[:3]):
                (place / name).write_text(SECRET)
        self.server = Server(self.workspace)
        self.run = self.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
        self.post("runs/log-metric", run_id=self.run, key="loss", value=1, timestamp=1)
        self.post("registered-models/create", name="clf")
        self.post("model-versions/create", name="clf", source="s3://b/x")
        tag = {"key": "mlflow.prompt.is_prompt", "value": "true"}
        text = {"key": "mlflow.prompt.text", "value": "Say {{this}}"}
        self.post("registered-models/create", name="greeting", tags=[tag])
        self.post("model-versions/create", name="greeting", source="p", tags=[tag, text])
        self.model = self.post("logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
        put = self.server.client.put(f"{API}{ARTIFACTS}/0/{self.run}/artifacts/a.txt", content=b"x")
        put.raise_for_status()
        upload, self.grant = self._upload()
        self.names = {
            "model": self.model,
            "key": "k",
            "trace": self._trace(),
            "assessment": self._assessment(),
            "webhook": self._webhook(),
            "upload": upload,
            "number": "1",
        }
        self.values = _values(self.run, upload)

    def post(self, path: str, **fields: Any) -> Any:
        return self.server.client.post(f"{API}/mlflow/{path}", json=fields).raise_for_status().json()

    def close(self) -> None:
        self.server.stop()
        self.workspace.close()

    def _upload(self) -> tuple[str, str]:
        path = f"{API}/mlflow-artifacts/mpu/create/0/{self.run}/artifacts"
        reply = self.server.client.post(path, json={"path": "large.bin", "num_parts": 2}).raise_for_status()
        begun = reply.json()
        return begun["upload_id"], begun["credentials"][0]["headers"]["x-ropeway-grant"]

    def _trace(self) -> str:
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span(FIRST, 1, "a")]}]}]}
        self.server.client.post("/v1/traces", json=body, headers=HOME).raise_for_status()
        return T1

    def _assessment(self) -> str:
        told = {"assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "a"}}
        made = self.post(f"traces/{T1}/assessments", assessment={**told, "feedback": {"value": True}})
        return str(made["assessment"]["assessment_id"])

    def _webhook(self) -> str:
        event = {"entity": "MODEL_VERSION", "action": "CREATED"}
        made = self.post("webhooks", name="w", url=f"https://{HOOK}/x", events=[event])
        return str(made["webhook"]["webhook_id"])


def _values(run: str, upload: str) -> dict[str, Any]:
    return {
        "run_id": run, "run_ids": [run], "source_run_id": run, "upload_id": upload,
        "trace_id": T1, "request_id": T1, "trace_ids": [T1], "request_ids": [T1],
        "experiment_id": "0", "experiment_ids": ["0"], "experiment_name": "Default", "name": "clf",
        "new_name": "other", "assessment_name": "good", "update_mask": "rationale", "num_parts": 1,
        "key": "k", "metric_key": "loss", "value": "1", "timestamp": 1, "step": 1, "version": "1",
        "alias": "best", "url": f"https://{HOOK}/x", "entity": "MODEL_VERSION", "action": "CREATED",
        "stage": "Staging", "status": "FINISHED", "source": "s3://b/x", "model_json": "{}", "path": "a.txt",
        "view_type": "ALL", "run_view_type": "ALL", "digest": "d", "source_type": "x", "timestamp_ms": 1,
        "artifact_file_path": "a.txt", "request_time": "2023-11-14T22:13:20.001Z", "state": "OK",
    }  # fmt: skip
