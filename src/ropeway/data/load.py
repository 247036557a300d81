"""A dataset version by its reference, its rows, and whether they may train."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import polars as pl

from ropeway.data.batches import Pieces, pieces
from ropeway.data.errors import ChecksFailed, ContractChanged, ContractViolated
from ropeway.data.folder import folder_frame, frame_of
from ropeway.data.operations import resolve_version
from ropeway.data.pins import Pin, read_pin
from ropeway.data.read import read_table
from ropeway.data.records import FOLDER, DatasetVersion
from ropeway.data.referred import Place, opened, require_unchanged
from ropeway.workspace import Workspace
from ropeway.workspace.noticing import notice


def resolve(workspace: Workspace, reference: str) -> DatasetVersion:
    """The version that a reference names: `name`, `name@latest`, `name@v3` or `name@<digest prefix>`.

    Raises:
        DatasetNotFound: none, or more than one, answers to it.
    """
    return resolve_version(workspace, reference=reference)


def load(place: Place, version: DatasetVersion, *, kinds: Mapping[str, str] | None = None) -> pl.DataFrame:
    """The version's rows, verified, with the types recorded when it was last checked.

    A run of a script that is open has the version among its inputs.

    Args:
        place: the workspace, or an operation's context.
        version: which.
        kinds: read the columns as these instead.

    Raises:
        SourceChanged, SourceMissing, NotFetched: a version that is referred to cannot be had as it was.
    """
    notice(version.reference)
    if (files := _files(place, version)) is not None:
        return files
    with opened(place, version) as path:
        return read_table(
            path,
            form=form_of(place, version),
            is_foreign=not place.opens_addresses,
            kinds=version.columns if kinds is None else kinds,
            shown=Path(version.shown),
        )


@contextmanager
def walked(place: Place, version: DatasetVersion) -> Iterator[Pieces]:
    """The version's rows piece by piece, as often as is needed while it is open.

    Raises:
        SourceChanged, SourceMissing, NotFetched: a version that is referred to cannot be had as it was.
    """
    if (files := _files(place, version)) is not None:
        yield lambda: iter([files])
        return
    form = form_of(place, version)
    with opened(place, version) as path:
        yield partial(
            pieces,
            path,
            form=form,
            kinds=version.columns,
            rows=version.rows,
            shown=Path(version.shown),
            is_foreign=not place.opens_addresses,
        )


def form_of(place: Place, version: DatasetVersion) -> str:
    """How the version's bytes are read: of one that is referred to, as its pin says."""
    return version.format if version.is_kept else str(read_pin(place.store, version).form)


def _files(place: Place, version: DatasetVersion) -> pl.DataFrame | None:
    """The rows of a version that are files; None of one that has rows of its own."""
    if version.format == FOLDER:
        return folder_frame(place.store, version.version)
    if version.is_kept:
        return None
    pin = read_pin(place.store, version)
    if pin.form is not None:
        return None
    require_unchanged(place, version)
    return pinned_files(pin)


def pinned_files(pin: Pin) -> pl.DataFrame:
    """What is referred to as files: a folder's, or the one that nobody looked into."""
    if pin.members:
        return frame_of([(name, each.size_bytes, each.digest) for name, each in sorted(pin.members.items())])
    known = pin.digest or f"etag {pin.etag or pin.last_modified or 'unknown'}"
    return frame_of([(pin.uri.rsplit("/", 1)[-1] or pin.uri, pin.size_bytes or 0, known)])


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
