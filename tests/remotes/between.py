"""What tests of remotes share: data to bring, and a model without a pipeline."""

import random
from pathlib import Path

from ropeway.core.canonical import canonical
from ropeway.core.ids import RunId
from ropeway.data.add import add
from ropeway.data.records import DatasetVersion
from ropeway.models.manifest import Manifest, PinnedArtifact, content_digest, put_manifest, source_digest
from ropeway.models.operations import register_package
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.records import Signature
from ropeway.workspace import LocalWorkspace


def bring(
    workspace: LocalWorkspace, text: str = "id,text\n1,hi\n2,there\n", name: str = "rows"
) -> DatasetVersion:
    path = workspace.root / f"{name}.csv"
    path.write_text(text)
    return add(workspace, path, name=name).version


def bring_files(workspace: LocalWorkspace, count: int = 30) -> DatasetVersion:
    folder = workspace.root / "imgs"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.bin").write_bytes(noise(500, seed=number))
    return add(workspace, folder).version


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def register(workspace: LocalWorkspace, *, learnt: str = "1", name: str = "mood") -> ModelVersion:
    """A version of a model that learnt from `rows`."""
    store = workspace.store
    dataset = bring(workspace).reference.removeprefix("dataset:")
    code = {"pipeline.py": store.put(b"# nothing to see")}
    artifact = store.put(learnt.encode())
    artifacts = {"classifier": PinnedArtifact(digest=artifact, format="text", content=artifact)}
    signature = Signature(inputs={"text": "String"}, outputs=["no", "yes"])
    content = content_digest(
        code=code,
        artifacts=artifacts,
        params={},
        signature=signature,
        columns=["text"],
        served="sentiment",
        nullable=[],
    )
    package = put_manifest(
        store,
        Manifest(
            format=1,
            content=content,
            source=source_digest(code),
            snapshot=store.put_tree(code),
            run=RunId("run_elsewhere"),
            served="sentiment",
            steps=["sentiment"],
            pipeline="pipeline.py",
            code=code,
            artifacts=artifacts,
            params={},
            signature=signature,
            columns=["text"],
            datasets=[dataset],
            split=store.put(b"a split"),
            target="label",
            replay=store.put(canonical({})),
            packages={},
        ),
    )
    return register_package(workspace, name=name, package=package)


def flip(path: Path, at: int | None = None) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 if at is None else at] ^= 1
    path.write_bytes(data)
