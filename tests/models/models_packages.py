"""Packages made by hand, for tests of the registry that need no pipeline."""

from threading import Lock

from ropeway.core.canonical import canonical
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, ModelName, RunId
from ropeway.data.add import add
from ropeway.data.operations import resolve_version as resolve_dataset
from ropeway.models.events import GateCheck, GateEvaluated
from ropeway.models.judgement import Judged, settings_of
from ropeway.models.manifest import (
    Manifest,
    PinnedArtifact,
    content_digest,
    put_manifest,
    source_digest,
)
from ropeway.models.operations import approve_model, promote_model, register_package
from ropeway.models.registry import ModelVersion, champion_of
from ropeway.pipelines.records import Signature
from ropeway.workspace import LocalWorkspace

TABLE_BYTES = b"what stands for every table here"
TABLE = digest_bytes(TABLE_BYTES)
LOCK = Lock()
ROWS = "id,text,label\n1,fine,yes\n2,grey,no\n"


def dataset_of(workspace: LocalWorkspace) -> str:
    """The dataset version that every package says it learnt from; brought when first asked for."""
    path = workspace.root / "tweets.csv"
    # Some tests do this in many threads; what has arrived before stays as it was.
    with LOCK:
        if not path.exists():
            path.write_text(ROWS)
            add(workspace, path, name="tweets")
    return resolve_dataset(workspace, reference="tweets").reference.removeprefix("dataset:")


def put_package(workspace: LocalWorkspace, *, learnt: str = "1") -> Digest:
    """A sound package whose one artifact holds some text."""
    store = workspace.store
    store.put(TABLE_BYTES)
    code = {"pipeline.py": store.put(b"# nothing to see")}
    artifact = store.put(learnt.encode())
    pinned = {"classifier": PinnedArtifact(digest=artifact, format="text", content=artifact)}
    signature = Signature(inputs={"text": "String"}, outputs=["no", "yes"])
    params = {"c": 1.0}
    content = content_digest(
        code=code,
        artifacts=pinned,
        params=params,
        signature=signature,
        columns=["text"],
        served="sentiment",
        nullable=[],
    )
    manifest = Manifest(
        format=1,
        content=content,
        source=source_digest(code),
        snapshot=TABLE,
        run=RunId("run_000000000001"),
        served="sentiment",
        steps=["sentiment"],
        pipeline="pipeline.py",
        code=code,
        artifacts=pinned,
        params=params,
        signature=signature,
        columns=["text"],
        datasets=[dataset_of(workspace)],
        split=TABLE,
        target="label",
        replay=store.put(b"[]"),
        packages={"polars": "2"},
    )
    return put_manifest(store, manifest)


def register(workspace: LocalWorkspace, *, learnt: str = "1", name: str = "sentiment") -> ModelVersion:
    return register_package(workspace, name=name, package=put_package(workspace, learnt=learnt))


def judge(workspace: LocalWorkspace, version: ModelVersion, *, passed: bool = True) -> None:
    """Record a gate's verdict as the gate itself would, with what of its evidence is read again."""
    dataset = dataset_of(workspace)
    with workspace._context() as context:
        champion = champion_of(context.read, context.project, version.name)
        judged = Judged(settings=settings_of(context.project), champion=champion)
        context.append(
            GateEvaluated(
                name=ModelName(version.name),
                number=version.number,
                passed=passed,
                checks=[GateCheck(name="bar", passed=passed, says="as the test wants it")],
                evidence=context.store.put(canonical(judged)),
                dataset=dataset,
                split=TABLE,
                test_part=TABLE,
                test_set=TABLE,
                look=1,
                champion=champion,
            )
        )


def make_live(ana: LocalWorkspace, ben: LocalWorkspace, version: ModelVersion) -> ModelVersion:
    """Take a candidate the whole way: ana proposed it, ben answers for it."""
    judge(ana, version)
    approve_model(ben, ref=version.ref)
    return promote_model(ben, ref=version.ref)
