"""What production is held against: a version's signature, reference, contract and training rows."""

from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from ropeway.core.errors import RopewayError
from ropeway.data.contract import Contract
from ropeway.data.errors import DatasetNotFound
from ropeway.data.load import load, resolve
from ropeway.data.records import DatasetVersion
from ropeway.models.manifest import Manifest, read_manifest
from ropeway.models.operations import resolve_version
from ropeway.models.reference import Reference, build_reference, get_reference
from ropeway.models.registry import ModelVersion
from ropeway.monitoring.quality import contract_of
from ropeway.workspace import Workspace


@dataclass
class WatchedVersion:
    """A version, and what its requests and answers are compared with.

    Attributes:
        reference: what it learnt from and answered, as profiles; None where it cannot be made.
        why_not: why there is none, in a sentence.
    """

    workspace: Workspace
    version: ModelVersion
    manifest: Manifest
    reference: Reference | None
    why_not: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def signature(self) -> dict[str, str]:
        """The request's columns with their types, in order."""
        return self.manifest.ordered_inputs()

    @cached_property
    def dataset(self) -> DatasetVersion | None:
        """The dataset version that it learnt from; None where this workspace has it no more."""
        try:
            return resolve(self.workspace, self.manifest.datasets[0]) if self.manifest.datasets else None
        except DatasetNotFound:
            return None

    @cached_property
    def contract(self) -> Contract | None:
        """The contract that its rows were held against."""
        return None if self.dataset is None else contract_of(self.workspace.store, self.dataset)

    @cached_property
    def rows(self) -> pl.DataFrame | None:
        """The dataset's rows; None where they cannot be read."""
        try:
            return None if self.dataset is None else load(self.workspace, self.dataset)
        except RopewayError:
            return None


def watch(workspace: Workspace, ref: str) -> WatchedVersion:
    """A version as it is to be watched; its reference is made where it has none yet.

    Raises:
        UnknownModel, UnknownVersion: no such version is registered here.
        ModelDamaged: its package cannot be read.
    """
    version = resolve_version(workspace, ref=ref)
    manifest = read_manifest(workspace.store, version.package, version.ref)
    reference, why_not = None, ""
    try:
        reference = get_reference(workspace, ref) or build_reference(workspace, ref)
    except RopewayError as error:
        # Whatever it is that its code or its rows refuse: the window is observed all the same, and says so.
        why_not = f"{version.ref} has no reference: {error.what}"
    return WatchedVersion(workspace, version, manifest, reference, why_not)
