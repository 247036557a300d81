"""From a version that another tool packaged to one that the gate can judge: a manifest beside its files.

What it learnt from is not on record here. It is judged on the test part of this project's rows, and that they
were kept from it is the word of whoever made it: the report of its gate says so.
"""

from collections.abc import Sequence

import polars as pl

from ropeway.core.ids import Digest
from ropeway.data.load import load
from ropeway.data.records import DatasetVersion
from ropeway.models.adopting.answers import PREDICTION
from ropeway.models.adopting.errors import ColumnsUnknown
from ropeway.models.adopting.loaders import Model, open_model
from ropeway.models.adopting.mlmodel import Column
from ropeway.models.adopting.operations import ForeignDetail, adopt_package, look_at_foreign
from ropeway.models.errors import NoTarget
from ropeway.models.manifest import (
    FORMAT,
    UNKNOWN,
    ForeignFiles,
    Manifest,
    content_digest,
    put_manifest,
    read_part,
    source_digest,
)
from ropeway.models.reference import build_reference
from ropeway.models.registry import ModelVersion
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.records import Signature
from ropeway.pipelines.slice import write_replay
from ropeway.stats.metrics import metric
from ropeway.workspace import Workspace

MOST_CLASSES = 1000


def adopt(workspace: Workspace, ref: str, *, columns: Sequence[str] = ()) -> ModelVersion:
    """Translate a version that another tool packaged, so that the gate can judge it.

    Args:
        workspace: where.
        ref: the version.
        columns: the rows' columns that it takes, in its order, where its signature names none.

    Returns:
        The version; nothing is recorded where the same translation is on record.

    Raises:
        Quarantined: it can only be loaded by running what is in it, and nobody here has approved these files.
        PackageUnreadable, LoaderMissing, UntrustedTypes: it cannot be loaded here.
        ColumnsUnknown, NoTarget, InputMissing: the project has no rows to ask it about.
    """
    found = look_at_foreign(workspace, ref=ref)
    found.require_allowed()
    inputs = Inputs(workspace)
    dataset, split = inputs.version("rows"), inputs.split
    target = inputs.rows.target
    if target is None:
        raise NoTarget(found.ref)
    frame = load(workspace, dataset)
    hidden = [*inputs.hidden, inputs.rows.key]
    taken = taken_columns(found, frame, columns, hidden)
    packaged = found.packaged
    model = open_model(
        found.ref,
        packaged,
        lambda path: read_part(workspace.store, found.files[path], found.ref, path),
        list(found.files),
        workspace.project.models.trusted_types,
    )
    model.close()
    outputs = _outputs(workspace, found, model, frame[target])
    manifest = _manifest(
        workspace, found, taken, outputs, dataset, split.digest, target, _nullable(frame, taken)
    )
    version = adopt_package(workspace, ref=found.ref, package=put_manifest(workspace.store, manifest))
    build_reference(workspace, version.ref)
    return version


def taken_columns(
    found: ForeignDetail, frame: pl.DataFrame, named: Sequence[str], hidden: Sequence[str]
) -> list[Column]:
    """The rows' columns that a version takes, in its order and in its types.

    Raises:
        ColumnsUnknown: they cannot be told, or are not there.
    """
    shown = [name for name in frame.columns if name not in hidden]
    told = found.packaged.columns
    if named:
        if told is not None and len(told) != len(named):
            raise ColumnsUnknown(
                found.ref, f"it takes {len(told)} columns, and {len(named)} are named", shown
            )
        kinds = (
            [each.kind for each in told]
            if told is not None
            else [str(frame.schema.get(each)) for each in named]
        )
        told = [Column(name, kind) for name, kind in zip(named, kinds, strict=True)]
    if told is None:
        raise ColumnsUnknown(found.ref, "its package has no signature", shown)
    if not all(each.name for each in told):
        if len(told) != 1 or len(shown) != 1:
            raise ColumnsUnknown(found.ref, f"its signature takes {len(told)} columns and names none", shown)
        told = [Column(shown[0], told[0].kind, told[0].is_required)]
    missing = [each.name for each in told if each.name not in shown]
    if missing:
        listed = ", ".join(f"'{name}'" for name in missing[:5])
        raise ColumnsUnknown(found.ref, f"it takes {listed}, which no request of this project has", shown)
    return told


def _outputs(workspace: Workspace, found: ForeignDetail, model: Model, truth: pl.Series) -> list[str]:
    """The columns of its answers: its own classes, else the target's, else a number."""
    if model.classes is not None:
        return model.classes
    if metric(workspace.project.charter.metric).kind == "regression" or truth.dtype.is_float():
        return [PREDICTION]
    classes = [str(each) for each in truth.drop_nulls().unique().sort()]
    if len(classes) > MOST_CLASSES:
        raise ColumnsUnknown(found.ref, f"the target has {len(classes):,} classes", [])
    return classes


def _nullable(frame: pl.DataFrame, taken: Sequence[Column]) -> list[str]:
    """The columns that a request may leave empty: the data has nulls there, or the signature says so."""
    return [
        each.name
        for each in taken
        if not each.is_required
        or frame[each.name].is_null().any()
        or (frame[each.name].dtype.is_float() and frame[each.name].is_nan().any())
    ]


def _manifest(
    workspace: Workspace,
    found: ForeignDetail,
    taken: Sequence[Column],
    outputs: list[str],
    dataset: DatasetVersion,
    split: Digest,
    target: str,
    nullable: list[str],
) -> Manifest:
    columns = [each.name for each in taken]
    signature = Signature(inputs={each.name: each.kind for each in taken}, outputs=outputs)
    foreign = ForeignFiles(
        flavor=found.packaged.flavor,
        loader=found.packaged.loader,
        files=found.files,
        runs_code=bool(found.packaged.runs_code),
    )
    return Manifest(
        format=FORMAT,
        content=content_digest(
            code={},
            artifacts={},
            params={},
            signature=signature,
            columns=columns,
            served=found.packaged.flavor,
            nullable=nullable,
            foreign=foreign,
        ),
        source=source_digest(found.files),
        snapshot=UNKNOWN,
        run=found.run,
        served=found.packaged.flavor,
        steps=[],
        pipeline="",
        code={},
        artifacts={},
        params={},
        signature=signature,
        columns=columns,
        datasets=[f"{dataset.name}@{dataset.version}"],
        split=split,
        target=target,
        # No row was recorded when it was made; what it answers is seen by the gate.
        replay=workspace.store.put(write_replay(pl.DataFrame(), pl.DataFrame())),
        packages={},
        nullable=nullable,
        foreign=foreign,
    )
