"""Makes the golden ledger of what clients tell from afar: experiments, runs, files, models, versions.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_afar tests/golden/format-3-afar
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import TOML, told

from ropeway.models.afar import operations as registry
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.afar import operations as afar
from ropeway.tracking.afar.batch import Figure
from ropeway.tracking.afar.events import DatasetUse, ModelOutput
from ropeway.workspace import LocalWorkspace, rooms

BEGAN_MS = 1_700_000_000_000


def walk(workspace: LocalWorkspace) -> None:
    """Everything that a client can tell, once."""
    place = afar.create_experiment(workspace, name="study", location="s3://bucket/x", tags={"team": "a"})
    afar.change_experiment(workspace, experiment=place, name="study 2", tags={"k": "v"})
    afar.change_experiment(workspace, experiment=place, untagged=["k"])
    run = afar.open_run(
        workspace,
        experiment=place,
        kind="mlflow",
        name="first",
        user="ana",
        tags={"a": "1"},
        started_ms=BEGAN_MS,
    )
    model = afar.create_logged(
        workspace, experiment=place, name="clf", kind="agent", run=run.hex, tags={"t": "1"}, params={"p": "1"}
    )
    figure = Figure(model=model.id, key="acc", value=0.5, at_ms=BEGAN_MS, step="1", dataset_name="d")
    afar.record_batch(workspace, run=run.hex, params={"c": "0.1"}, tags={"b": "2"}, figures=[figure])
    digest = workspace.store.put(b"hello")
    for name in ("model.pkl", "plots/a.txt"):
        afar.put_run_file(workspace, run=run.hex, path=name, digest=digest)
        afar.put_model_file(workspace, model=model.id, path=name, digest=digest)
    afar.remove_run_file(workspace, run=run.hex, path="plots")
    afar.remove_model_file(workspace, model=model.id, path="plots")
    dataset = DatasetUse(
        name="d", digest="abc", source_type="local", source="{}", tags={"mlflow.data.context": "train"}
    )
    afar.link_run(
        workspace,
        run=run.hex,
        datasets=[dataset],
        models_in=[model.id],
        models_out=[ModelOutput(model=model.id)],
    )
    afar.change_logged(workspace, model=model.id, status="ready", tags={"u": "2"}, untagged=["t"])
    afar.change_run(
        workspace, run=run.hex, name="last", untagged=["a"], status="finished", ended_ms=BEGAN_MS + 9
    )
    registry.create_entry(workspace, shown="churn", description="words", tags={"a": "1"})
    registry.register_foreign(
        workspace, shown="churn", origin=f"models:/{model.id}", run=run.hex, tags={"v": "1"}
    )
    registry.register_foreign(workspace, shown="churn", origin="s3://bucket/y")
    registry.change_entry(workspace, shown="churn", renamed="churn 2", description="other")
    registry.change_version(workspace, shown="churn 2", number=1, description="one", stage="Staging")
    registry.set_alias(workspace, shown="churn 2", alias="champion", number=1)
    registry.remove_version(workspace, shown="churn 2", number=2)


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="afar-") as scratch:
        with make_workspace(Path(scratch) / "here", toml=TOML, clock=FixedClock()) as here:
            walk(here)
            said = json.dumps(told(here), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
