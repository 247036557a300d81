"""From a run to a model version: package its slice, replay recorded rows through it, register, profile.

The heavy work is done here, before the one command that records it.
"""

from contextlib import suppress

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.load import load, resolve
from ropeway.models.errors import NothingToPackage
from ropeway.models.foreign import require_own_code
from ropeway.models.load import load_package
from ropeway.models.manifest import (
    FORMAT,
    Manifest,
    PinnedArtifact,
    content_digest,
    put_manifest,
    source_digest,
)
from ropeway.models.operations import list_models, register_package, trust_run
from ropeway.models.provenance import datasets_of, target_of
from ropeway.models.reference import build_reference
from ropeway.models.registry import ModelVersion, usual_name
from ropeway.models.replay import replay
from ropeway.pipelines.operations import show
from ropeway.pipelines.records import PipelineRecord
from ropeway.pipelines.slice import read_replay
from ropeway.workspace import Workspace
from ropeway.workspace.errors import PermissionDenied

MANY = 10_000
"""More versions than are asked for when a name is chosen."""


def register(workspace: Workspace, run: str = "latest", *, name: str | None = None) -> ModelVersion:
    """Register what a pipeline run made as a model version.

    Args:
        workspace: where.
        run: a pipeline run's id, the beginning of one, or `latest`.
        name: the model's name; that of the live model by default, else the newest's, else the project's.

    Returns:
        The version; `known` when the same content was registered before.

    Raises:
        RunNotRecorded, NothingToPackage: the run left no slice.
        CodeNotTrusted: it is somebody else's, who came through a server: they register it.
        ReplayDiffers: the package does not answer as the run did, or a row otherwise when it comes alone.
    """
    record = show(workspace, run=run)
    require_own_code(workspace, record.run)
    package = build_package(workspace, record)
    model = name if name is not None else usual_name(list_models(workspace, limit=MANY), workspace.project)
    loaded = load_package(workspace, package, model)
    try:
        rows, answers = read_replay(workspace.store.read(loaded.manifest.replay))
        replay(loaded, rows, answers, tolerance=workspace.project.gate.max_skew)
        # Who may register need not be who may let code run: an approver then reads it, and trusts it.
        with suppress(PermissionDenied):
            trust_run(workspace, run=record.run)
        version = register_package(workspace, name=model, package=package)
        build_reference(workspace, version.ref, package=loaded)
    finally:
        loaded.close()
    return version


def build_package(workspace: Workspace, record: PipelineRecord) -> Digest:
    """Put a run's slice into the store as a package; gives the digest of its tree."""
    return put_manifest(workspace.store, manifest_of(workspace, record))


def manifest_of(workspace: Workspace, record: PipelineRecord) -> Manifest:
    """What a package of a run's slice says of itself; `content` is the identity that a version of it has."""
    if record.settings is None:
        raise NothingToPackage(record.run, "its parameters were erased")
    made = record.slice
    # Canonical JSON has no order of names; the rows that were recorded have.
    rows, _ = read_replay(workspace.store.read(made.replay))
    artifacts = {
        name: PinnedArtifact(digest=each.digest, format=each.format, content=each.content)
        for name, each in made.artifacts.items()
    }
    source = source_digest(record.files)
    assert source == record.source, "pipelines and models agree on what a source digest is"
    columns = [name for name in rows.columns if name in made.signature.inputs]
    datasets = datasets_of(record)
    nullable = _nullable(workspace, datasets[0], columns)
    return Manifest(
        format=FORMAT,
        content=content_digest(
            code=record.files,
            artifacts=artifacts,
            params=record.settings,
            signature=made.signature,
            columns=columns,
            served=made.served,
            nullable=nullable,
        ),
        source=source,
        snapshot=record.code,
        run=record.run,
        served=made.served,
        steps=made.steps,
        pipeline=record.pipeline,
        code=record.files,
        artifacts=artifacts,
        params=record.settings,
        signature=made.signature,
        columns=columns,
        datasets=datasets,
        split=record.split,
        target=target_of(workspace.store, record),
        replay=made.replay,
        packages=record.packages,
        nullable=nullable,
    )


def _nullable(workspace: Workspace, dataset: str, columns: list[str]) -> list[str]:
    """The columns in which the data that the run had has missing values: requests may miss them too."""
    frame = load(workspace, resolve(workspace, dataset))
    # JSON has no NaN: who has one can only send null.
    return [name for name in columns if frame[name].is_null().any() or _holds_nan(frame[name])]


def _holds_nan(series: pl.Series) -> bool:
    return series.dtype.is_float() and bool(series.is_nan().any())
