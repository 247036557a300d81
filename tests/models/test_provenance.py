"""A package is held against the record of the run that it names."""

import io
from typing import Any

import msgspec
import polars as pl
import pytest
from models_projects import halves, notes
from models_steps import proposed

from ropeway.core.ids import Digest, RunId
from ropeway.models.errors import PackageDiffers
from ropeway.models.manifest import put_manifest, read_manifest
from ropeway.models.operations import gate_model, register_package, resolve_version, trust_source
from ropeway.workspace import LocalWorkspace


def forged(workspace: LocalWorkspace, ref: str, **claims: Any) -> Digest:
    """The package of a version, its manifest changed."""
    package = resolve_version(workspace, ref=ref).package
    manifest = read_manifest(workspace.store, package, ref)
    return put_manifest(workspace.store, msgspec.structs.replace(manifest, **claims))


def easy_rows(workspace: LocalWorkspace) -> Digest:
    """A split that calls test rows those that were trained on."""
    table = pl.DataFrame({"key": [str(row) for row in range(240)]})
    part = pl.Series("part", ["test" if row < 20 else "train" for row in range(240)])
    table = table.with_columns(part, pl.col("key").alias("group"), seen=pl.lit(""))
    file = io.BytesIO()
    table.write_parquet(file)
    return workspace.store.put(file.getvalue())


def test_a_package_does_not_choose_its_own_test_rows(project):
    # The gate went by the split that the manifest named.
    workspace = halves(project)
    ref = proposed(workspace)
    package = forged(workspace, ref, split=easy_rows(workspace))
    with pytest.raises(PackageDiffers, match=r"its split is '.*' and on record it is '.*'"):
        register_package(workspace, name="forged", package=package)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"target": "x"}, "its target is 'x' and on record it is 'label'"),
        ({"datasets": ["numbers@" + "0" * 64]}, "its datasets is another"),
        ({"snapshot": Digest("0" * 64)}, "its snapshot is"),
    ],
)
def test_whatever_the_gate_goes_by_must_be_on_record(project, claims, said):
    workspace = halves(project)
    package = forged(workspace, proposed(workspace), **claims)
    with pytest.raises(PackageDiffers, match=said):
        register_package(workspace, name="forged", package=package)


def test_a_package_of_a_run_that_is_not_of_this_workspace_is_not_judged(project):
    workspace = notes(project)
    ref = proposed(workspace)
    claims = {"run": RunId("run_000000000000"), "split": easy_rows(workspace)}
    foreign = register_package(workspace, name="forged", package=forged(workspace, ref, **claims))
    trust_source(workspace, source=foreign.source)
    with pytest.raises(PackageDiffers, match="this workspace has no such run"):
        gate_model(workspace, ref=foreign.ref)
    assert resolve_version(workspace, ref=foreign.ref).look is None
