"""Skew, asked for by itself: all answers of a version beside the rows that it learnt from."""

from datetime import datetime

from ropeway.models.manifest import read_manifest
from ropeway.models.operations import resolve_version
from ropeway.monitoring.errors import NoKeyCarried
from ropeway.monitoring.judge import hidden_columns
from ropeway.monitoring.records import Skew
from ropeway.monitoring.skew import differing, key_of, paired, read_served
from ropeway.monitoring.watched import WatchedVersion
from ropeway.predictions.history import lazy_predictions
from ropeway.workspace import Workspace


def skew_of(
    workspace: Workspace, ref: str, *, environment: str | None = None, since: datetime | None = None
) -> Skew:
    """Columns in which a version's requests differ from the training rows whose key they carry.

    Raises:
        NoKeyCarried: there is no such request.
    """
    version = resolve_version(workspace, ref=ref)
    manifest = read_manifest(workspace.store, version.package, version.ref)
    watched = WatchedVersion(workspace, version, manifest, None)
    rows = lazy_predictions(workspace, since=since, model=version.ref, environment=environment).collect()
    key = key_of(workspace.project)
    served = read_served(watched, rows, sorted(hidden_columns(rows)))
    pair = paired(watched, rows, served, key)
    if pair is None or key is None or watched.dataset is None:
        raise NoKeyCarried(version.ref, key)
    return Skew(
        ref=version.ref,
        dataset=watched.dataset.shown,
        key=key,
        compared=pair[0].height,
        columns=differing(*pair),
    )
