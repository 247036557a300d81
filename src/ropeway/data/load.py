"""A dataset version by its reference, its rows, and whether they may train."""

import polars as pl

from ropeway.data.errors import ChecksFailed, ContractChanged, ContractViolated
from ropeway.data.operations import resolve_version
from ropeway.data.read import read_table
from ropeway.data.records import DatasetVersion
from ropeway.workspace import Workspace


def resolve(workspace: Workspace, reference: str) -> DatasetVersion:
    """The version that a reference names: `name`, `name@latest`, `name@v3` or `name@<digest prefix>`.

    Raises:
        DatasetNotFound: none, or more than one, answers to it.
    """
    return resolve_version(workspace, reference=reference)


def load(workspace: Workspace, version: DatasetVersion) -> pl.DataFrame:
    """The version's rows, verified, with the types recorded when it was last checked."""
    path = workspace.store.open_path(version.version)
    return read_table(path, form=version.format, kinds=version.columns)


def require_trainable(version: DatasetVersion) -> None:
    """Refuse a version that breaks its contract or fails the project's own checks.

    Raises:
        ContractChanged: the contract was edited, and the version not checked since.
        ContractViolated: it breaks the contract; the message names column, expectation and rows.
        ChecksFailed: a check of severity `error` found rows.
    """
    if version.contract_edited:
        raise ContractChanged(version.name, version.version, version.shown)
    if not version.contract_ok:
        sentences = [violation.sentence for violation in version.violations]
        raise ContractViolated(version.name, version.version, sentences, version.broken)
    if version.failed_checks:
        raise ChecksFailed(version.name, version.version, version.failed_checks)
