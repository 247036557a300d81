"""A script's run whose workspace a server keeps: all that it says is kept here first, and never waits.

What is here is brought to the server by a thread of this process as far as that goes, and by `ropeway sync`.
"""

import logging
import os
import threading
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from ropeway.core.errors import RopewayError, Unavailable
from ropeway.core.ids import RunId, new_id
from ropeway.store import Store
from ropeway.tracking.join import JoinedRun, new_part
from ropeway.tracking.references import check_reference
from ropeway.tracking.run import UNKNOWN, Run, outcome_of
from ropeway.tracking.shipment import Shipment
from ropeway.tracking.spool import Begun, Ended, InputUsed, Joins, Spool, now_us
from ropeway.tracking.start import keep_changes, opening
from ropeway.tracking.sync import sync
from ropeway.tracking.variables import seconds
from ropeway.workspace import OpenWorkspace
from ropeway.workspace.remote import RemoteWorkspace

R = TypeVar("R", bound="SentRun | SentPart")

logger = logging.getLogger("ropeway.tracking")

PAUSE_S = 2.0
"""So long between two looks at what a living run has said."""
LONGEST_PAUSE_S = 60.0
LIVE_BYTES = 1 << 20
"""So much of a living run's spool at each look: what it takes is taken from the run."""
OFFLINE = "ROPEWAY_OFFLINE"
"""Where it is set, no server is asked: everything waits for `ropeway sync`."""
VARIABLE = "ROPEWAY_SYNC_WAIT_S"
USUAL_WAIT_S = 30.0
GONE_WAIT_S = 2.0
"""A server that did not answer a moment ago is waited for no longer than this."""


class Courier(threading.Thread):
    """Brings what a run says to its server while it lives, and at its end, as far as that goes."""

    def __init__(self, workspace: RemoteWorkspace, path: Path) -> None:
        super().__init__(name="ropeway-courier", daemon=True)
        self._workspace = workspace
        self._shipment = Shipment(workspace, path)
        self._over = threading.Event()
        self._problem: RopewayError | None = None
        self._has_told = False
        self._has_looked_back = False

    def run(self) -> None:
        """Look again and again, less often while the server does not answer; a refusal ends it."""
        pause = PAUSE_S
        while True:
            was_over = self._over.is_set()
            try:
                if self._shipment.bring(at_most=LIVE_BYTES):
                    self._problem = None
                    return
                self._problem, pause = None, PAUSE_S
                self._bring_earlier()
            except Unavailable as error:
                self._problem, pause = error, min(2 * pause, LONGEST_PAUSE_S)
            except RopewayError as error:
                self._problem = error
                self._tell()
                return
            # Looked once after the end: what did not go then waits for `ropeway sync`.
            if was_over:
                return
            self._over.wait(pause)

    def _bring_earlier(self) -> None:
        """The server answers: what earlier runs left here goes too, beside this run and not in its way."""
        if not self._has_looked_back:
            self._has_looked_back = True
            root, address = self._workspace.root, self._workspace.address
            more = {"server": address, "insecure": True}
            threading.Thread(target=sync, args=(root,), kwargs=more, daemon=True).start()

    def end(self, wait_s: float) -> None:
        """The run has ended: bring the rest, for so long; what is left waits here."""
        self._over.set()
        self.join(wait_s if self._problem is None else min(wait_s, GONE_WAIT_S))
        if self.is_alive() or self._problem is not None:
            self._tell()

    def _tell(self) -> None:
        if self._has_told:
            return
        self._has_told = True
        why = f": {self._problem}" if self._problem is not None else ""
        logger.warning(
            "the run %s is kept here, and %s does not have all of it%s\nropeway sync   brings what waits",
            self._shipment.run,
            self._workspace.origin,
            why,
        )


class SentRun(Run):
    """A run that is kept here until its server has it. Made by `ropeway.run`; see `Run`.

    Whether what it `uses` is on record is not asked: that would be waiting for the server.
    """

    _courier: Courier | None = None

    def finish(
        self, status: Literal["finished", "failed"] = "finished", *, error: BaseException | None = None
    ) -> None:
        """End the run, durably here; then bring it to the server, for `ROPEWAY_SYNC_WAIT_S` at the most."""
        self._spool.require_mine()
        self._stop_sampling()
        with self._lock:
            ended = "interrupted" if isinstance(error, KeyboardInterrupt) else status
            if self._status == ended:
                return
            self._check_open()
            usage = self._meter.read()
            error_type, message = outcome_of(error)
            self._spool.write(Ended(now_us(), ended, error_type, message, *usage))
            self._spool.flush()
            self._status = ended
            self._spool.leave()
        _hand_over(self)

    def uses(self, ref: str) -> None:
        """Record that the run used something, such as `dataset:tweets@<digest>`.

        Raises:
            ReferenceInvalid: it is no reference.
        """
        self._record(InputUsed(now_us(), check_reference(ref)))


class SentPart(JoinedRun):
    """A run that another process began, whose workspace a server keeps; as `SentRun`."""

    _courier: Courier | None = None

    def uses(self, ref: str) -> None:
        """As `SentRun.uses`."""
        self._record(InputUsed(now_us(), check_reference(ref)))

    def discard(self) -> None:
        """As `JoinedRun.discard`; the server was told of nothing yet."""
        super().discard()
        if self._courier is not None:
            self._courier.end(GONE_WAIT_S)

    def _hand_in(self) -> None:
        self._spool.leave()

    def _let_go(self) -> None:
        _hand_over(self)


def _hand_over(run: "SentRun | SentPart") -> None:
    """All is said: let the courier bring it, and close the workspace once nobody needs it."""
    if run._courier is not None:
        run._courier.end(seconds(VARIABLE, USUAL_WAIT_S))
    if run._owned is not None and not (run._courier and run._courier.is_alive()):
        run._owned.close()


def _send(run: R, workspace: RemoteWorkspace) -> R:
    if os.environ.get(OFFLINE, "") in ("", "0"):
        run._courier = Courier(workspace, run._spool.path)
        run._courier.start()
    return run


def join_sent(
    workspace: RemoteWorkspace, run: RunId, *, owned: OpenWorkspace | None = None, rank: int = 0
) -> SentPart:
    """Log into a run of a server's workspace that another process began, or is about to begin.

    Args:
        workspace: the server's.
        run: its whole id; the server is not asked.
        owned: a workspace that is closed with this part.
        rank: which of a launcher's processes this is.
    """
    store = here_of(workspace)
    spool = Spool(workspace.home, run, new_part(rank))
    spool.write(Joins(now_us(), workspace.address, workspace.actor_name))
    part = SentPart(
        id=run, name=None, code=UNKNOWN, environment=UNKNOWN, workspace=workspace, spool=spool, owned=owned,
        store=store,
    )  # fmt: skip
    return _send(part, workspace)


def begin_sent(
    workspace: RemoteWorkspace, *, run: RunId | None = None, owned: OpenWorkspace | None = None, **told: Any
) -> SentRun:
    """Begin a run of a server's workspace without asking the server; durable here when this returns.

    Args:
        workspace: the server's.
        run: a fresh id that was given out before; one of its own when absent.
        owned: a workspace that is closed with the run.
        told: as in `start.opening`.

    Raises:
        SettingInvalid, ReferenceInvalid: as for `start_run`.
    """
    store = here_of(workspace)
    said = opening(workspace.root, store, **told)
    spool = Spool(workspace.home, RunId(new_id("run")) if run is None else run)
    try:
        start = {name: msgspec.to_builtins(value) for name, value in said.items()}
        spool.write(Begun(now_us(), workspace.address, workspace.actor_name, start))
        spool.flush()
    except BaseException:
        spool.remove()
        raise
    made = SentRun(
        id=spool.run,
        name=said["name"],
        code=said["code"].tree,
        environment=said["environment"],
        workspace=workspace,
        spool=spool,
        owned=owned,
        store=store,
        inputs=said["inputs"],
    )
    keep_changes(made, workspace.root, said["code"])
    return _send(made, workspace)


def here_of(workspace: RemoteWorkspace) -> Store:
    """The copies of a server's objects that are kept here, as a store that asks nobody."""
    return Store(workspace.home)
