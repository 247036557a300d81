"""A model version from the store, verified and ready to answer.

Nothing is run before its digest is checked and its source approved in this workspace; what a fit learnt is
data and is decoded, never executed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from ropeway.core.ids import Digest
from ropeway.models.adopting.answers import ForeignSlice
from ropeway.models.adopting.errors import Quarantined
from ropeway.models.adopting.loaders import open_model
from ropeway.models.adopting.mlmodel import read_mlmodel
from ropeway.models.errors import ModelDamaged, RequestMismatch, SourceNotApproved, VersionRecalled
from ropeway.models.given import frame_of_given
from ropeway.models.manifest import (
    FOREIGN_MANIFEST,
    ForeignFiles,
    Manifest,
    foreign_of,
    read_manifest,
    read_part,
)
from ropeway.models.operations import get_model, resolve_version
from ropeway.models.registry import ModelVersion
from ropeway.models.request import dtype_of
from ropeway.models.states import State
from ropeway.pipelines.records import Signature
from ropeway.pipelines.slice import Slice, load_slice
from ropeway.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from types import TracebackType


class LoadedPackage:
    """A package's slice in this process. Several threads may ask it at once."""

    def __init__(self, ref: str, manifest: Manifest, made: Slice | ForeignSlice) -> None:
        self.ref = ref
        self.manifest = manifest
        self.signature = Signature(inputs=manifest.ordered_inputs(), outputs=list(manifest.signature.outputs))
        self.nullable = frozenset(manifest.nullable)
        self._slice = made

    @property
    def inputs(self) -> Mapping[str, str]:
        """Request columns with their polars types, in order."""
        return self.signature.inputs

    @property
    def outputs(self) -> Sequence[str]:
        """The columns of an answer."""
        return self.signature.outputs

    def predict(self, frame: Any) -> pl.DataFrame:
        """One answer for each row, in the same order.

        Args:
            frame: at least the columns of the signature; others are passed over. A polars or pandas frame, a
                list of dicts, a dict of columns or of one row; for a model of one column its values.

        Raises:
            NotAFrame, ColumnMissing, RequestMismatch: the frame does not fit the signature.
            StepFailed: the project's code raised.
        """
        given = frame_of_given(self.ref, self.inputs, frame)
        return self._slice.predict(self._in_types(given))

    def _repr_html_(self) -> str:
        from ropeway.core.page import section, titled

        return titled(
            self.ref,
            section("takes", self.inputs.items()),
            section("gives", [(name, "") for name in self.outputs]),
        )

    def close(self) -> None:
        """Let go of its modules and files."""
        self._slice.close()

    def _in_types(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the signature's columns in the signature's types."""
        wrong = {
            name: kind
            for name, kind in self.inputs.items()
            if name in frame.columns and str(frame.schema[name]) != kind
        }
        for name, kind in wrong.items():
            dtype = dtype_of(kind)
            try:
                frame = frame.with_columns(pl.col(name).cast(dtype) if dtype is not None else pl.col(name))
            except pl.exceptions.PolarsError:
                raise RequestMismatch(self.ref, name, kind, str(frame.schema[name])) from None
        return frame


class LoadedModel(LoadedPackage):
    """A registered version in this process.

    Attributes:
        version: where it stood when it was loaded.
        signature: the columns that it takes and gives.
    """

    def __init__(self, version: ModelVersion, package: LoadedPackage) -> None:
        super().__init__(version.ref, package.manifest, package._slice)
        self.version = version

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.close()


def load(ref: str, *, project: Path | str | None = None) -> LoadedModel:
    """A model version, ready to answer.

    Args:
        ref: `name@production`, `name@3`, or `name` for the newest.
        project: a folder in the project; found upward from here when absent.

    Raises:
        UnknownModel, UnknownVersion, UnknownEnvironment, NothingLive: nothing answers to the reference.
        ModelDamaged: its bytes are not what was registered.
        SourceNotApproved: nobody here ran or approved its code.
        VersionRecalled: it must not be used any more.

    Example:
        ```python
        ropeway.load("sentiment@production").predict(["what a day"])
        ```
    """
    with open_workspace(project) as workspace:
        return load_model(workspace, ref)


def load_model(workspace: Workspace, ref: str) -> LoadedModel:
    """As `load`, from an open workspace."""
    version = resolve_version(workspace, ref=ref)
    if version.state is State.RECALLED:
        raise VersionRecalled(version.ref)
    return load_version(workspace, version)


def load_version(workspace: Workspace, version: ModelVersion) -> LoadedModel:
    """As `load`, for a version that is at hand."""
    detail = get_model(workspace, ref=version.ref)
    if not detail.source_approved:
        foreign = foreign_of(detail.manifest)
        if foreign is not None:
            raise Quarantined(version.ref, version.source, f"it is loaded by its {foreign.loader}")
        raise SourceNotApproved(version.ref, version.source)
    return LoadedModel(version, load_package(workspace, version.package, version.ref))


def load_package(workspace: Workspace, package: Digest, ref: str) -> LoadedPackage:
    """A package's slice. Runs its code: the caller has made sure that it may.

    Raises:
        ModelDamaged: an object is missing or not what it was.
    """
    store = workspace.store
    manifest = read_manifest(store, package, ref)
    foreign = foreign_of(manifest)
    if foreign is not None:
        return LoadedPackage(ref, manifest, _open_foreign(workspace, manifest, foreign, ref))
    made = load_slice(
        pipeline=manifest.pipeline,
        code={path: read_part(store, digest, ref, f"code/{path}") for path, digest in manifest.code.items()},
        artifacts={
            name: read_part(store, pinned.digest, ref, f"artifacts/{name}")
            for name, pinned in manifest.artifacts.items()
        },
        settings=manifest.params,
        inputs=manifest.ordered_inputs(),
        trusted=tuple(workspace.project.models.trusted_types),
    )
    return LoadedPackage(ref, manifest, made)


def _open_foreign(workspace: Workspace, manifest: Manifest, foreign: ForeignFiles, ref: str) -> ForeignSlice:
    """A foreign package's model. How it is loaded is read from its own files, not from the manifest."""

    def read(path: str) -> bytes:
        return read_part(workspace.store, foreign.files[path], ref, f"files/{path}")

    packaged = read_mlmodel(ref, read(FOREIGN_MANIFEST), foreign.files)
    if packaged.runs_code and not foreign.runs_code:
        raise ModelDamaged(ref, FOREIGN_MANIFEST, foreign.files[FOREIGN_MANIFEST])
    trusted = workspace.project.models.trusted_types
    model = open_model(ref, packaged, read, list(foreign.files), trusted)
    return ForeignSlice(ref, model, manifest.columns, manifest.signature.outputs)
