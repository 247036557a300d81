"""Makes the golden ledger of what came from another tool's store, and of a foreign version that was adopted.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_brought tests/golden/format-3-brought
"""

import json
import sqlite3
import sys
import tempfile
from pathlib import Path

import polars as pl
from tests.golden.make import TOML, told

from ropeway.core.ids import RunId
from ropeway.data.add import add
from ropeway.models.adopting.mlmodel import read_mlmodel
from ropeway.models.adopting.operations import adopt_package, look_at_foreign
from ropeway.models.afar import operations as registry
from ropeway.models.manifest import (
    FORMAT,
    UNKNOWN,
    ForeignFiles,
    Manifest,
    content_digest,
    put_manifest,
    source_digest,
)
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.records import Signature
from ropeway.pipelines.slice import write_replay
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.afar import operations as afar
from ropeway.workspace import LocalWorkspace, rooms

BEGAN_MS = 1_700_000_000_000
RUN = "a" * 32
MODEL = f"m-{'b' * 32}"
MLMODEL = b"""
flavors:
  sklearn: {pickled_model: model.skops, serialization_format: skops}
mlflow_version: 3.17.2
signature: {inputs: '[{"type": "double", "name": "x", "required": true}]'}
"""


def walk(workspace: LocalWorkspace) -> None:
    """Everything that a store tells when it is brought over, and one adoption."""
    place = afar.create_experiment(workspace, name="study", told_id="70")
    afar.open_run(workspace, experiment=place, kind="mlflow", name="first", started_ms=BEGAN_MS, told_id=RUN)
    afar.create_logged(workspace, experiment=place, name="clf", run=RUN, told_id=MODEL)
    for name, held in (("MLmodel", MLMODEL), ("model.skops", b"skops")):
        afar.put_model_file(workspace, model=MODEL, path=name, digest=workspace.store.put(held))
    afar.tell_times(workspace, thing="experiment", told=place, created_ms=BEGAN_MS, changed_ms=BEGAN_MS + 1)
    afar.tell_times(workspace, thing="logged-model", told=MODEL, created_ms=BEGAN_MS, changed_ms=BEGAN_MS + 2)
    registry.create_entry(workspace, shown="clf")
    registry.register_foreign(workspace, shown="clf", origin=f"models:/{MODEL}", run=RUN, told_number=3)
    registry.tell_model_times(workspace, shown="clf", number=3, created_ms=BEGAN_MS, changed_ms=BEGAN_MS + 3)
    registry.tell_model_times(
        workspace, shown="clf", number=None, created_ms=BEGAN_MS, changed_ms=BEGAN_MS + 4
    )
    afar.record_brought(
        workspace, source="http://host:5000", report=workspace.store.put(b"{}"), is_whole=True
    )
    adopt_package(workspace, ref="clf@3", package=translated(workspace))


def translated(workspace: LocalWorkspace) -> str:
    """What `adopt` makes, without opening the model: its bytes are none."""
    path = Path(workspace.root) / "reviews.csv"
    pl.DataFrame({"id": range(20), "x": [0.5] * 20, "mood": ["a", "b"] * 10}).write_csv(path)
    add(workspace, path, name="reviews", key=["id"])
    found, inputs = look_at_foreign(workspace, ref="clf@3"), Inputs(workspace)
    packaged = read_mlmodel("clf@3", MLMODEL, found.files)
    foreign = ForeignFiles(flavor=packaged.flavor, loader=packaged.loader, files=found.files, runs_code=False)
    signature = Signature(inputs={"x": "Float64"}, outputs=["a", "b"])
    content = content_digest(
        code={}, artifacts={}, params={}, signature=signature, columns=["x"], served="sklearn", nullable=[],
        foreign=foreign,
    )  # fmt: skip
    dataset = inputs.version("rows")
    return put_manifest(
        workspace.store,
        Manifest(
            format=FORMAT, content=content, source=source_digest(found.files), snapshot=UNKNOWN,
            run=RunId(f"run_{RUN}"), served="sklearn", steps=[], pipeline="", code={}, artifacts={},
            params={}, signature=signature, columns=["x"], datasets=[f"{dataset.name}@{dataset.version}"],
            split=inputs.split.digest, target="mood",
            replay=workspace.store.put(write_replay(pl.DataFrame(), pl.DataFrame())), packages={},
            foreign=foreign,
        ),
    )  # fmt: skip


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="brought-") as scratch:
        with make_workspace(Path(scratch) / "here", toml=TOML, clock=FixedClock()) as here:
            walk(here)
            said = json.dumps(told(here), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
