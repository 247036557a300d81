"""MLflow's own client makes a webhook; `ropeway server` tells it, killed between or not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mlflow.test_both_ways import CLIENT
from tests.webhooks.conftest import SECRET, Receiver, toml_for

from ropeway.models.afar.operations import change_version
from ropeway.testing import make_workspace

SCRIPT = """
import mlflow, sys
from mlflow.entities.webhook import WebhookEvent
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
events = [WebhookEvent.from_str(each) for each in ("registered_model.created", "model_version.created",
          "model_version_tag.set", "model_version_alias.created")]
made = client.create_webhook(name="ci", url=sys.argv[2], events=events, secret=sys.argv[3])
assert (made.secret, made.status, made.url) == (None, "ACTIVE", sys.argv[2]), made
tried = client.test_webhook(made.webhook_id, WebhookEvent.from_str("prompt.created"))
assert (tried.success, tried.response_status, tried.response_body) == (True, 200, None), tried
made = client.update_webhook(made.webhook_id, description="for ci")
assert [each.description for each in client.list_webhooks()] == ["for ci"]
other = client.create_webhook(name="gone", url=sys.argv[2], events=events)
client.delete_webhook(other.webhook_id)
client.create_registered_model("m", tags={"a": "1"})
client.create_model_version("m", "s3://bucket/x")
client.set_registered_model_alias("m", "champion", "1")
print("ok")
"""


class Serving:
    """`ropeway server` as a process."""

    def __init__(self, root: Path) -> None:
        words = [sys.executable, "-m", "ropeway.cli", "server", "--port", "0", "--json", "-C", str(root)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = ""
        while not said.endswith("}\n"):
            line = self.process.stdout.readline()
            assert line, "it did not start"
            said += line
        self.url = json.loads(said)["url"]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.mark.slow
def test_what_the_client_asks_to_be_told_of_is_told_though_server_and_receiver_go(
    tmp_path: Path, receiver: Receiver
) -> None:
    with make_workspace(tmp_path, toml=toml_for(receiver.port)) as workspace:
        first = Serving(tmp_path)
        words = [str(CLIENT), "-c", SCRIPT, first.url, receiver.url, SECRET]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        assert (done.returncode, done.stdout.strip()[-2:]) == (0, "ok"), done.stderr[-3000:]
        receiver.wait(4)
        assert receiver.told == [
            "prompt.created",
            "registered_model.created",
            "model_version.created",
            "model_version_alias.created",
        ]
        first.kill()
        receiver.close()
        change_version(workspace, shown="m", number=1, tags={"while": "away"})
        second = Serving(tmp_path)
        again = Receiver(receiver.port)
        told = {"name": "m", "version": "1", "key": "while", "value": "away"}
        with again.changed:
            assert again.changed.wait_for(lambda: told in [each["data"] for each in again.taken], 60)
        second.kill()
        again.close()
    # What the first had told and not noted when it was killed is told again, as what it was.
    assert set(again.ids[:-1]) <= set(receiver.ids)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()
