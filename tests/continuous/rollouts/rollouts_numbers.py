"""A model of numbers: the target lies between 10 and 60, or is not on record at all."""

import polars as pl
from models_packages import TABLE, TABLE_BYTES, register_package

from ropeway.core.ids import RunId
from ropeway.data.add import add
from ropeway.data.operations import resolve_version as resolve_dataset
from ropeway.models.manifest import Manifest, PinnedArtifact, content_digest, put_manifest, source_digest
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.records import Signature
from ropeway.workspace import LocalWorkspace


def register_numbers(workspace: LocalWorkspace, *, learnt: str, target: str | None) -> ModelVersion:
    """A package that answers with one number."""
    path = workspace.root / "rents.csv"
    if not path.exists():
        frame = pl.DataFrame({"id": range(6), "x": [1.0] * 6, "rent": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]})
        frame.write_csv(path)
        add(workspace, path, name="rents", key=["id"])
    dataset = resolve_dataset(workspace, reference="rents").reference.removeprefix("dataset:")
    store = workspace.store
    store.put(TABLE_BYTES)
    code = {"pipeline.py": store.put(b"# nothing to see")}
    artifact = store.put(learnt.encode())
    pinned = {"ridge": PinnedArtifact(digest=artifact, format="text", content=artifact)}
    signature = Signature(inputs={"x": "Float64"}, outputs=["prediction"])
    content = content_digest(
        code=code, artifacts=pinned, params={}, signature=signature, columns=["x"], served="rent", nullable=[]
    )
    manifest = Manifest(
        format=1,
        content=content,
        source=source_digest(code),
        snapshot=TABLE,
        run=RunId("run_000000000001"),
        served="rent",
        steps=["rent"],
        pipeline="pipeline.py",
        code=code,
        artifacts=pinned,
        params={},
        signature=signature,
        columns=["x"],
        datasets=[dataset],
        split=TABLE,
        target=target,
        replay=store.put(b"[]"),
        packages={},
    )
    return register_package(workspace, name="sentiment", package=put_manifest(store, manifest))
