"""Beginning a run in a workspace that is open; a script begins its own with `tracking.session`."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from ropeway.core.ids import Digest, RunId, new_id
from ropeway.store import Store
from ropeway.tracking.environment import record_environment
from ropeway.tracking.events import CodeRecord, HostRecord, Scalar
from ropeway.tracking.operations import start
from ropeway.tracking.recover import recover_runs
from ropeway.tracking.references import check_reference
from ropeway.tracking.resources import describe_host
from ropeway.tracking.run import Run, current_run
from ropeway.tracking.settings import check_key, scalars
from ropeway.tracking.snapshot import snapshot_code
from ropeway.tracking.spool import Spool
from ropeway.tracking.uncommitted import NAME as CHANGES
from ropeway.tracking.uncommitted import uncommitted
from ropeway.workspace import OpenWorkspace, Workspace


def start_run(
    workspace: Workspace,
    *,
    name: str | None = None,
    kind: str = "script",
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    inputs: Sequence[str] = (),
    argv: Sequence[str] | None = None,
    owned: OpenWorkspace | None = None,
    run: RunId | None = None,
) -> Run:
    """Begin a run: snapshot of the code, environment, host; recorded when this returns.

    Runs whose process died are closed first. A run begun inside another's `with` block remembers it.

    Args:
        workspace: where it is recorded.
        name: a name to find it by.
        kind: `script` or `pipeline`.
        params: the settings of this run.
        tags: free words by name.
        inputs: references to what it uses.
        argv: the command; this process's when absent.
        owned: a workspace that the run closes when it ends.
        run: a fresh id that was given out before; one of its own when absent.

    Raises:
        SettingInvalid: a param or a tag that cannot be recorded.
        ReferenceInvalid: an input that is no reference.
        ReferenceUnknown: an input that nothing on record answers to.
        BadRunId, RunExists: that id cannot be, or was used.
    """
    told = opening(
        workspace.root,
        workspace.store,
        name=name,
        kind=kind,
        params=params,
        tags=tags,
        inputs=inputs,
        argv=argv,
    )
    recover_runs(workspace)
    run_id = RunId(new_id("run")) if run is None else run
    # The spool first: a run that the ledger calls running always has one, by which its death can be seen.
    spool = Spool(workspace.home, run_id)
    try:
        spool.flush()
        start(workspace, run=run_id, **told)
    except BaseException:
        spool.remove()
        raise
    made = Run(
        id=run_id,
        name=name,
        code=told["code"].tree,
        environment=told["environment"],
        workspace=workspace,
        spool=spool,
        owned=owned,
        inputs=told["inputs"],
    )
    keep_changes(made, workspace.root, told["code"])
    return made


class Opening(TypedDict):
    """What `tracking.start` is told of a run, but for its id."""

    name: str | None
    kind: str
    params: dict[str, Scalar]
    tags: dict[str, Scalar]
    argv: list[str]
    hostname: str
    inputs: list[str]
    parent: RunId | None
    code: CodeRecord
    environment: Digest
    host: HostRecord


def opening(
    root: Path,
    store: Store,
    *,
    name: str | None = None,
    kind: str = "script",
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    inputs: Sequence[str] = (),
    argv: Sequence[str] | None = None,
) -> Opening:
    """What a run begins with, as it stands now: code and environment are in the store when this returns.

    Raises:
        SettingInvalid, ReferenceInvalid: as for `start_run`.
    """
    settings, words = scalars("param", params or {}), scalars("tag", tags or {})
    refs = [check_reference(ref) for ref in inputs]
    if name is not None:
        check_key("name", name)
    parent = current_run()
    return Opening(
        name=name,
        kind=kind,
        params=settings,
        tags=words,
        argv=[_printable(word) for word in (sys.argv if argv is None else argv)],
        hostname=os.uname().nodename,
        inputs=list(dict.fromkeys(refs)),
        parent=parent.id if parent else None,
        code=snapshot_code(root, store),
        environment=record_environment(store),
        host=describe_host(),
    )


def keep_changes(run: Run, root: Path, code: CodeRecord) -> None:
    """Keep what differs from the last commit beside the run, for reading."""
    changes = uncommitted(root) if code.is_dirty else ""
    if changes:
        run.artifact(CHANGES, changes)


def _printable(word: str) -> str:
    return word.encode(errors="replace").decode()
