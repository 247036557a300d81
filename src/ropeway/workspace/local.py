"""The workspace on this machine: a project's folder and, in it, `.ropeway`."""

import getpass
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import msgspec
from sqlalchemy import insert, select

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.hashing import digest_json
from ropeway.ledger import Ledger
from ropeway.ledger.errors import IdempotencyMismatch
from ropeway.ledger.tables import answered
from ropeway.store import Store
from ropeway.workspace import rooms
from ropeway.workspace.checkpoints import Checkpoints, outside_file
from ropeway.workspace.clock import clock_of_environment
from ropeway.workspace.context import Context
from ropeway.workspace.errors import PermissionDenied, ProjectNotFound, WorkspaceUnusable
from ropeway.workspace.lease import Lease
from ropeway.workspace.operation import Operation, Workspace
from ropeway.workspace.project import PROJECT_FILE, Project, load_project
from ropeway.workspace.user_folder import user_folder

HOME = ".ropeway"
DATABASE = "ledger.db"
PRIVATE = 0o700

R = TypeVar("R")


class LocalWorkspace:
    """Runs operations here, for one person.

    A context manager; may be used from several threads. Local people have every permission; `allowed` narrows
    it for a face that serves others.

    Args:
        root: the project's folder.
        actor: the name under which to act.
        clock: where times come from.
        allowed: the permissions of the caller; None for all of them.
        fence: a lease that each write transaction checks first; see `fenced`.
        project: settings to go by instead of the file's; see `going_by`.
        signs: whether to sign the ledger's heads, with the user's key.
    """

    def __init__(
        self,
        root: Path,
        *,
        actor: str,
        clock: Clock | None = None,
        allowed: frozenset[str] | None = None,
        fence: Lease | None = None,
        project: Project | None = None,
        signs: bool = False,
    ) -> None:
        self._root = root
        self._home = root / HOME
        self._actor_name = actor
        self._clock = clock or SystemClock()
        self._allowed = allowed
        self._fence = fence
        self._project = project
        rooms.load_projections()
        try:
            self._home.mkdir(exist_ok=True, mode=PRIVATE)
            self._store = Store(self._home)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise WorkspaceUnusable(self._home, error.strerror or str(error)) from error
        self._ledger = Ledger(self._home / DATABASE, self._clock)
        self._checkpoints: Checkpoints | None = None
        if signs:
            self._checkpoints = Checkpoints(self._ledger, self._home, user_folder, self._heads_elsewhere)
            self._ledger.after_commit = self._checkpoints.note_commit

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self._root

    @property
    def home(self) -> Path:
        """The workspace's own folder, `.ropeway`."""
        return self._home

    @property
    def store(self) -> Store:
        """The objects."""
        return self._store

    @property
    def ledger(self) -> Ledger:
        """The history. Operations reach it through their context; this is for fsck and tests."""
        return self._ledger

    @property
    def clock(self) -> Clock:
        """Where times come from."""
        return self._clock

    @property
    def actor_name(self) -> str:
        """The name under which this caller acts."""
        return self._actor_name

    @property
    def project(self) -> Project:
        """The project file, as it stands now, unless `going_by` set another."""
        return self._project or load_project(self._root)

    def perform(
        self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str | None = None
    ) -> R:
        """Run an operation; see `Workspace.perform`.

        Raises:
            PermissionDenied: the caller lacks the operation's permission.
            BadArguments: the arguments do not fit.
            IdempotencyMismatch: the key was used for something else.
        """
        if self._allowed is not None and operation.permission not in self._allowed:
            raise PermissionDenied(operation.name, operation.permission)
        checked = operation.check(arguments)
        if operation.kind == "stream":
            return cast("R", self._stream(operation, checked))
        if key is not None and operation.kind == "command":
            return self._perform_once(operation, checked, key)
        with self._context() as context:
            return operation.function(context, **checked)

    def fenced(self, lease: Lease) -> "LocalWorkspace":
        """The same workspace for the holder of a lease: nothing is written once the lease is another's."""
        return LocalWorkspace(
            self._root,
            actor=self._actor_name,
            clock=self._clock,
            allowed=self._allowed,
            fence=lease,
            project=self._project,
            signs=self._checkpoints is not None,
        )

    def going_by(self, project: Project) -> "LocalWorkspace":
        """The same workspace under other settings than the file's, such as the last that could be read."""
        return LocalWorkspace(
            self._root,
            actor=self._actor_name,
            clock=self._clock,
            allowed=self._allowed,
            fence=self._fence,
            project=project,
            signs=self._checkpoints is not None,
        )

    def close(self) -> None:
        """Sign what was written, and let go of the database."""
        self.checkpoint()
        self._ledger.close()

    def checkpoint(self) -> None:
        """Sign a head over what this workspace wrote, if it signs; for what runs long without closing."""
        if self._checkpoints is not None:
            self._checkpoints.sign()

    def _heads_elsewhere(self, ledger: str) -> Path | None:
        return outside_file(self._root, self.project.audit.heads, ledger)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _context(self) -> Context:
        return Context(
            root=self._root,
            home=self._home,
            ledger=self._ledger,
            store=self._store,
            clock=self._clock,
            actor_name=self._actor_name,
            fence=self._fence,
            project=self._project,
        )

    def _stream(self, operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Iterator[Any]:
        with self._context() as context:
            yield from operation.function(context, **arguments)

    def _perform_once(self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str) -> R:
        """Answer as the first time if there was one; else run, and remember the answer in its transaction."""
        # The caller is part of the question: nobody is given another's answer as their own.
        asked = digest_json([self._actor_name, arguments])
        with self._context() as context:
            context.begin()
            row = context.read.execute(select(answered).where(answered.c.key == key)).first()
            if row is not None:
                if (row.operation, row.arguments) != (operation.name, asked):
                    raise IdempotencyMismatch(key, operation.name)
                return cast("R", msgspec.json.decode(row.result, type=operation.result))
            result = operation.function(context, **arguments)
            context.read.execute(
                insert(answered).values(
                    key=key, operation=operation.name, arguments=asked, result=msgspec.json.encode(result)
                )
            )
            return result


_conforms: type[Workspace] = LocalWorkspace


def find_project(start: Path) -> Path:
    """The nearest folder, from `start` upward, that holds a ropeway.toml.

    Raises:
        ProjectNotFound: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise ProjectNotFound(start)


def open_workspace(path: Path | str | None = None, *, actor: str | None = None) -> LocalWorkspace:
    """Open the workspace of the project at `path`, or of the working folder, searching upward.

    Args:
        path: a folder in the project.
        actor: the name under which to act; else `$ROPEWAY_AS`, else the login name.

    Raises:
        ProjectNotFound: there is no ropeway.toml there or above.
    """
    root = find_project(Path(path) if path is not None else Path.cwd())
    name = actor or os.environ.get("ROPEWAY_AS") or _login_name()
    return LocalWorkspace(root, actor=name, clock=clock_of_environment(), signs=True)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "someone"
