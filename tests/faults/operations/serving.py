"""Under fault: a service that answers over HTTP and takes feedback; what a client was told is on record."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.line import lay, make_live
from tests.faults.operation import Act
from tests.faults.story import Story

from ropeway.core.clock import SystemClock
from ropeway.core.errors import RopewayError
from ropeway.models.load import LoadedModel, load_model
from ropeway.predictions.operations import find_prediction, list_feedback
from ropeway.serving.app import PredictionApp
from ropeway.serving.deploy import Deployment
from ropeway.serving.listen import GracefulServer, bind, url_of
from ropeway.serving.log import PredictionLog
from ropeway.workspace import LocalWorkspace

REF = "mood@1"


class ServePredictions:
    """The service in a thread of the process to be killed, its client in another."""

    name = "serving"
    repeats = False
    limit = 400

    def prepare(self, root: Path) -> None:
        lay(root)
        with LocalWorkspace(root, actor="ana") as workspace:
            make_live(workspace, "served")

    @contextmanager
    def working(self, workspace: LocalWorkspace) -> Iterator[Act]:
        import httpx

        with _serving(workspace) as url, httpx.Client(base_url=url, timeout=30) as client:

            def act(token: str) -> object:
                answer = _told(client.post("/predict", json={"text": f"a fine day {token}"}))
                _told(client.post("/feedback", json={"id": answer["id"], "value": "good", "note": token}))
                return answer

            yield act

    def problems(self, workspace: LocalWorkspace, story: Story) -> list[str]:
        problems, ids = [], [answer["id"] for answer in story.acknowledged().values()]
        if len(set(ids)) != len(ids):
            problems.append("two predictions were told the same id")
        for token, answer in story.acknowledged().items():
            try:
                found = find_prediction(workspace, prediction=answer["id"])
                said = list_feedback(workspace, prediction=answer["id"])
            except RopewayError as error:
                problems.append(f"prediction of {token}: {error}")
                continue
            if (found.inputs, found.prediction) != ({"text": f"a fine day {token}"}, answer["prediction"]):
                problems.append(f"prediction of {token} is on record as {found}")
            if [(one.value, one.note) for one in said] != [("good", token)]:
                problems.append(f"feedback of {token} is on record as {said}")
        return problems


class _OneVersion:
    """Serves one version for ever."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    def resolve(self) -> str:
        return REF

    def load(self, ref: str) -> LoadedModel:
        return load_model(self._workspace, ref)

    def close(self) -> None:
        return None


@contextmanager
def _serving(workspace: LocalWorkspace) -> Iterator[str]:
    listener = bind("127.0.0.1", 0)
    deployment = Deployment(_OneVersion(workspace), SystemClock())
    with PredictionLog(workspace.home, model="mood", environment="production") as log:
        app = PredictionApp(deployment, log)
        server = GracefulServer(app, listener)
        deployment.start()
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()
            deployment.stop()
            app.close()
            listener.close()


def _told(response: Any) -> Any:
    response.raise_for_status()
    return response.json()
