"""Further processes of one run: each logs into a spool of its own, whose points reach the run when it ends.

A part ships its points as any sender from afar does, under its own name, so that nothing is stored twice
however often it is tried, and what is no point at its end (`tracking.parts`); a part that died is shipped by
whoever comes next. It may outlive the process that began the run, and the run's end.
"""

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from ropeway.core.ids import RunId, new_id
from ropeway.tracking.batches import log_points
from ropeway.tracking.errors import RunNotFound
from ropeway.tracking.harvest import gathered, read_spool
from ropeway.tracking.parts import tell_part
from ropeway.tracking.resolve import get_run
from ropeway.tracking.run import UNKNOWN, Run
from ropeway.tracking.series import Series
from ropeway.tracking.spool import Spool, SpoolRecord, part_of, run_of, set_aside
from ropeway.workspace import OpenWorkspace, Workspace

logger = logging.getLogger("ropeway.tracking")

SHIPPED_AT_ONCE = 50_000
BEGINNING_S = 30.0
"""So long a run may take to begin after a process that joins it has ended."""


class JoinedRun(Run):
    """A run that another process began. Its end here is not the run's end.

    Params, tags and files are told at this end; what the run has under one of their names with another value
    stays, and this process's stands beside it, as `PART/NAME`.
    """

    def finish(
        self,
        status: Literal["finished", "failed"] = "finished",
        *,
        error: BaseException | None = None,  # noqa: ARG002  the run's shape
    ) -> None:
        """Bring what was logged here to the run. Finishing twice is harmless."""
        self._spool.require_mine()
        with self._lock:
            if self._status != "running":
                return
            self._spool.flush()
            self._hand_in()
            self._status = status
        self._let_go()

    def discard(self) -> None:
        """Let nothing that was said here reach the run, as if this process had not joined it."""
        with self._lock:
            self._spool.remove()
            self._status = "failed"

    def _hand_in(self) -> None:
        """Bring what was said to where the run is; then the spool may go."""
        self._spool.remove(is_damaged=_ship_patiently(self._workspace, self._spool.path))

    def _let_go(self) -> None:
        """Close what was opened for this part."""
        if self._owned is not None:
            self._owned.close()


def join_run(
    workspace: Workspace,
    run: str,
    *,
    owned: OpenWorkspace | None = None,
    is_certain: bool = True,
    rank: int = 0,
) -> JoinedRun:
    """Log into a run that another process began, also one that has ended.

    Args:
        workspace: where it is recorded.
        run: as in `runs.get`.
        owned: a workspace that is closed with this part.
        is_certain: whether it must have begun; else another process is about to, under this whole id.
        rank: which of a launcher's processes this is.

    Raises:
        RunNotFound: nothing answers to it.

    Example:
        ```python
        with join_run(workspace, os.environ["RUN"]) as run:
            run.log(step, **{f"loss/{rank}": loss})
        ```
    """
    try:
        found = get_run(workspace, run=run)
    except RunNotFound:
        if is_certain:
            raise
        found = None
    known = RunId(run) if found is None else found.id
    return JoinedRun(
        id=known,
        name=None if found is None else found.name,
        code=UNKNOWN if found is None else found.code,
        environment=UNKNOWN if found is None else found.environment,
        workspace=workspace,
        spool=Spool(workspace.home, known, new_part(rank)),
        owned=owned,
    )


def new_part(rank: int) -> str:
    """A fresh name for a process that joins a run."""
    return new_id(f"rank{rank}" if rank else "part")


def ship(workspace: Workspace, path: Path) -> bool:
    """Send what a part's spool holds, which is all; gives whether some is damaged. Repeated, adds nothing."""
    found = read_spool(path)
    points, run, part = found.points, run_of(path), part_of(path)
    for first in range(0, len(points), SHIPPED_AT_ONCE):
        rows = points.take(slice(first, first + SHIPPED_AT_ONCE))
        send_rows(workspace, run, rows, source=part, upto=first + len(rows))
    tell(workspace, run, part, found.records)
    return found.damaged


def tell(workspace: Workspace, run: RunId, part: str, records: Iterable[SpoolRecord]) -> None:
    """Say what a part said that is no point, and warn of what the run had with another value."""
    said = gathered(records)
    if not any(said):
        return
    beside = tell_part(
        workspace,
        run=run,
        part=part,
        params=said.params,
        tags=said.tags,
        artifacts=said.artifacts,
        inputs=said.inputs,
    )
    if beside:
        logger.warning(
            "the run %s has %s with another value; what this process said is %s/…",
            run,
            ", ".join(repr(name) for name in beside),
            part,
        )


def send_rows(
    workspace: Workspace, run: RunId, rows: Series, *, source: str, upto: int, after: int | None = None
) -> int:
    """Points as `runs.log-points` takes them; see there."""
    return log_points(
        workspace,
        run=run,
        keys=rows.keys,
        key=rows.key.astype("<u4").tobytes(),
        values=rows.value.tobytes(),
        times=rows.at_us.tobytes(),
        steps=rows.step.tobytes(),
        source=source,
        upto=upto,
        after=after,
    )


def _ship_patiently(workspace: Workspace, path: Path) -> bool:
    """As `ship`; a run that another process is about to begin is waited for."""
    until = time.monotonic() + BEGINNING_S
    while True:
        try:
            return ship(workspace, path)
        except RunNotFound:
            if time.monotonic() > until:
                raise
        time.sleep(0.2)


def recover_part(workspace: Workspace, path: Path) -> None:
    """Ship what a part said whose process died; what cannot be shipped is kept for a person to look at."""
    try:
        is_whole = not ship(workspace, path)
    except RunNotFound:
        is_whole = False
    if is_whole:
        path.unlink(missing_ok=True)
    else:
        set_aside(path)
