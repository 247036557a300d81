"""Versions out of a workspace: what a reference means now, and the model behind it.

The workspace is only read, over a connection of its own, and may vanish, be restored from a copy or be
damaged while the service runs: then it is opened anew at the next look.
"""

import logging
from pathlib import Path

from ropeway.core.errors import did_you_mean
from ropeway.models.errors import NothingLive
from ropeway.models.load import load_model
from ropeway.models.operations import resolve_version
from ropeway.models.registry import ModelVersion
from ropeway.models.states import State
from ropeway.serving.deploy import Source
from ropeway.serving.errors import ModelRecalled, WorkspaceGone
from ropeway.serving.signature import Servable
from ropeway.workspace import LocalWorkspace, open_workspace
from ropeway.workspace.local import DATABASE, HOME

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
        self._database = root / HOME / DATABASE
        self._workspace: LocalWorkspace | None = None
        self._identity: tuple[int, int] | None = None
        self._last = ""

    def resolve(self) -> str:
        """The exact version now.

        Raises:
            ModelRecalled: what the reference means, or meant, was recalled.
            WorkspaceGone: the database is not there.
        """
        try:
            version = self._ask(self.reference)
        except NothingLive:
            if self._last and self._ask(self._last).state is State.RECALLED:
                raise ModelRecalled(self._last) from None
            raise
        if version.state is State.RECALLED:
            raise ModelRecalled(version.ref)
        self._last = version.ref
        return version.ref

    def load(self, ref: str) -> Servable:
        """That version, verified."""
        workspace = self._open()
        loaded = load_model(workspace, ref)
        for name in workspace.project.log.columns:
            if name not in loaded.inputs:
                hint = did_you_mean(name, loaded.inputs)
                logger.warning("[log] names the column '%s', which %s does not read.%s", name, ref, hint)
        return loaded

    def close(self) -> None:
        """Let go of the workspace."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None

    def _ask(self, reference: str) -> ModelVersion:
        workspace = self._open()
        try:
            return resolve_version(workspace, ref=reference)
        except NothingLive:
            raise
        except Exception:
            # Whatever it was, a connection that failed is not asked twice.
            self.close()
            raise

    def _open(self) -> LocalWorkspace:
        """The workspace as it is on disk now: one that was put in its place is opened in its place."""
        try:
            status = self._database.stat()
        except OSError as error:
            # Checked first, since opening would make an empty workspace where there was one.
            self.close()
            raise WorkspaceGone(self._database) from error
        if status.st_size == 0:
            # A copy that somebody brings back has just begun: opening it now would write into it.
            self.close()
            raise WorkspaceGone(self._database)
        identity = (status.st_dev, status.st_ino)
        if self._workspace is None or identity != self._identity:
            self.close()
            self._workspace, self._identity = open_workspace(self.root, actor=self.actor), identity
        return self._workspace


_conforms: type[Source] = WorkspaceSource
