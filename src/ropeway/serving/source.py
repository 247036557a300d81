"""Versions out of a workspace: what a reference means now, and the models behind it.

The workspace is only read, over a connection of its own, and may vanish, be restored from a copy or be
damaged while the service runs: then it is opened anew at the next look.
"""

import logging
from pathlib import Path

from ropeway.core.errors import did_you_mean
from ropeway.ledger.database import peek
from ropeway.models.errors import NothingLive
from ropeway.models.load import load_model
from ropeway.models.operations import get_routing, resolve_version
from ropeway.models.routing import Routing
from ropeway.models.states import State
from ropeway.serving.deploy import Source
from ropeway.serving.errors import ModelRecalled, WorkspaceGone
from ropeway.serving.signature import Servable
from ropeway.workspace import LocalWorkspace, open_local
from ropeway.workspace.place import HOME, ledger_place

logger = logging.getLogger("ropeway.serving")


class WorkspaceSource:
    """The versions of one reference in a local workspace.

    Args:
        root: the project's folder.
        reference: `name@production`, `name@3`, or `name` for the newest.
        actor: the name under which the workspace is opened.
    """

    def __init__(self, root: Path, reference: str, *, actor: str | None = None) -> None:
        self.root = root
        self.reference = reference
        self.actor = actor
        self._workspace: LocalWorkspace | None = None
        self._identity: object = None
        self._last = ""
        """The version that was live when last seen, to tell a recall from an environment that is empty."""

    def resolve(self) -> Routing | str:
        """How traffic is divided now; one version gets all of it, where no environment is meant.

        Raises:
            ModelRecalled: what the reference means, or meant, was recalled.
            NothingLive: nothing was promoted yet.
            WorkspaceGone: the database is not there.
        """
        workspace = self._open()
        try:
            return self._meaning(workspace)
        except (NothingLive, ModelRecalled):
            raise
        except Exception:
            # Whatever it was, a connection that failed is not asked twice.
            self.close()
            raise

    def load(self, ref: str) -> Servable:
        """That version, verified. Over a connection of its own, since several may load at once."""
        self._look()
        with open_local(self.root, actor=self.actor) as workspace:
            loaded = load_model(workspace, ref)
            settings = workspace.project.serving
            known = [*loaded.inputs, *settings.carry, *([settings.entity] if settings.entity else [])]
            for name in workspace.project.log.columns:
                if name not in known:
                    hint = did_you_mean(name, known)
                    logger.warning("[log] names the column '%s', which %s does not read.%s", name, ref, hint)
        return loaded

    def close(self) -> None:
        """Let go of the workspace."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    def _meaning(self, workspace: LocalWorkspace) -> Routing | str:
        name, _, which = self.reference.partition("@")
        if which in workspace.project.environments:
            return self._routing(workspace, name, which)
        version = resolve_version(workspace, ref=self.reference)
        if version.state is State.RECALLED:
            raise ModelRecalled(version.ref)
        return version.ref

    def _routing(self, workspace: LocalWorkspace, name: str, environment: str) -> Routing:
        routing = get_routing(workspace, name=name, environment=environment)
        if routing.live is None:
            if self._last and resolve_version(workspace, ref=self._last).state is State.RECALLED:
                raise ModelRecalled(self._last)
            # Says whether there is such a model at all.
            resolve_version(workspace, ref=self.reference)
            raise NothingLive(name, environment)
        self._last = routing.live
        return routing

    def _open(self) -> LocalWorkspace:
        """The workspace as it is on disk now: one that was put in its place is opened in its place."""
        try:
            identity = self._look()
        except WorkspaceGone:
            self.close()
            raise
        if self._workspace is None or identity != self._identity:
            self.close()
            self._workspace, self._identity = open_local(self.root, actor=self.actor), identity
        return self._workspace

    def _look(self) -> object:
        """What the ledger is now; looked at first, since opening would make an empty one where it was."""
        place = ledger_place(self.root / HOME)
        if not isinstance(place, Path):
            if place != self._identity:
                with peek(place) as found:
                    if found is None:
                        raise WorkspaceGone(place.name)
            return place
        try:
            status = place.stat()
        except OSError as error:
            raise WorkspaceGone(str(place)) from error
        if status.st_size == 0:
            # A copy that somebody brings back has just begun: opening it now would write into it.
            raise WorkspaceGone(str(place))
        return status.st_dev, status.st_ino


_conforms: type[Source] = WorkspaceSource
