"""A model that MLflow logged goes through the gate and is served; one that runs when it is loaded waits."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.faults.served import serving
from tests.mlflow.test_both_ways import CLIENT
from tests.server.conftest import Server

from ropeway.cli.main import main
from ropeway.data.add import add
from ropeway.models.adopting.adopt import adopt
from ropeway.models.adopting.errors import Quarantined
from ropeway.models.load import load_model
from ropeway.models.operations import approve_model, gate_model, promote_model, resolve_version, trust_source
from ropeway.testing import make_workspace
from ropeway.workspace import LocalWorkspace

pytestmark = pytest.mark.skipif(
    not CLIENT.exists(), reason="no MLflow client: make build/clients/mlflow3/.made"
)

TOML = """
[project]
name = "halves"
[gate]
min_rows = 5
bootstrap = 200
[charter]
metric = "accuracy"
bar = 0.8
confidence = 0.9
[inputs.rows]
dataset = "numbers"
key = "id"
target = "label"
[environments.production]
"""

TRAIN = """
import json, sys, mlflow, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
url, out = sys.argv[1:]
mlflow.set_tracking_uri(url)
frame = pd.read_csv(sys.stdin)
x, y = frame[["x", "z"]], frame["label"]
model = LogisticRegression(max_iter=500).fit(x, y)
said = {}
for name, form in (("safe", "skops"), ("pickled", "cloudpickle")):
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", signature=infer_signature(x, model.predict(x)),
            serialization_format=form, registered_model_name=name)
client = mlflow.MlflowClient()
try:
    client.set_registered_model_alias("safe", "production", "1")
except mlflow.MlflowException as error:
    said["refused"] = error.error_code
loaded = mlflow.pyfunc.load_model("models:/safe/1")
said["predictions"] = [str(each) for each in loaded.predict(x.head(20))]
json.dump(said, open(out, "w"))
"""

FIND = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
print(mlflow.MlflowClient().get_model_version_by_alias("safe", "production").version)
"""


def frame() -> pl.DataFrame:
    x = [row / 4 for row in range(240)]
    label = pl.Series(["low" if row < 120 else "high" for row in range(240)])
    return pl.DataFrame({"x": x, "z": [row % 7 * 1.0 for row in range(240)]}).with_columns(
        label.alias("label")
    )


def client(script: str, *words: str, given: str = "") -> str:
    # Which packages a model needs is found by loading it in one process more, and nothing here asks.
    settings = {**os.environ, "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "0"}
    done = subprocess.run(
        [CLIENT, "-c", script, *words],
        env=settings,
        input=given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


class Trained:
    """A server with two versions that the client trained, logged and registered."""

    def __init__(self, folder: Path) -> None:
        self.workspace = make_workspace(folder, toml=TOML)
        frame().with_row_index("id").write_csv(folder / "numbers.csv")
        add(self.workspace, folder / "numbers.csv", name="numbers", key=["id"])
        self.server = Server(self.workspace)
        out = folder / "said.json"
        client(TRAIN, self.server.url, str(out), given=frame().write_csv())
        self.said: dict[str, Any] = json.loads(out.read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    made = Trained(Path(tmp_path_factory.mktemp("gated")))
    yield made
    made.server.stop()
    made.workspace.close()


def test_it_is_judged_approved_promoted_and_the_client_sees_it(trained: Trained, capsys: Any) -> None:
    def ropeway(*words: str) -> Any:
        with pytest.raises(SystemExit) as done:
            main([*words, "--json", "-C", str(trained.workspace.root)])
        said = capsys.readouterr().out
        assert not done.value.code, said
        return json.loads(said)

    assert trained.said["refused"] == "INVALID_STATE"
    report = ropeway("gate", "safe@1", "--as", "ana")
    assert report["passed"]
    assert "maker's word" in report["unproven"]
    ropeway("model", "approve", "safe@1", "--as", "ben")
    ropeway("model", "promote", "safe@1", "--as", "ben")
    assert client(FIND, trained.server.url).strip() == "1"
    with serving(trained.workspace.root, "safe") as served:
        rows = frame().head(20).select("x", "z").to_dicts()
        said = served.client.post("/predict", json={"rows": rows}).json()["predictions"]
    assert [each["prediction"] for each in said] == trained.said["predictions"]


def test_what_is_pickled_is_in_quarantine_until_its_files_are_trusted(trained: Trained) -> None:
    here = trained.workspace
    with pytest.raises(Quarantined, match=r"model\.pkl' is a pickle") as refused:
        adopt(here, "pickled@1")
    with LocalWorkspace(here.root, actor="ben") as ben:
        trust_source(ben, source=refused.value.facts["source"])
        adopt(here, "pickled@1")
        assert gate_model(here, ref="pickled@1").passed
        approve_model(ben, ref="pickled@1")
    assert promote_model(here, ref="pickled@1").state == "live"
    with load_model(here, "pickled@production") as model:
        assert model.predict(frame().head(3)).columns == ["high", "low"]
    assert resolve_version(here, ref="pickled@1").format == "mlflow"
