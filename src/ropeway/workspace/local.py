"""The workspace on this machine: a project's folder and, in it, `.ropeway`."""

import copy
import getpass
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import msgspec
from sqlalchemy import Connection, insert, select

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.errors import RopewayError
from ropeway.core.hashing import digest_json
from ropeway.ledger import Ledger
from ropeway.ledger.database import Place
from ropeway.ledger.erasure import ANSWER_ERASED
from ropeway.ledger.errors import IdempotencyMismatch, LedgerUnreachable
from ropeway.ledger.journal import get_meta
from ropeway.ledger.tables import answered
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.store import Store
from ropeway.store.files import in_our_words
from ropeway.workspace import rooms
from ropeway.workspace.answers import answer_in, sealed
from ropeway.workspace.caller import Caller
from ropeway.workspace.checkpoints import Checkpoints, outside_file
from ropeway.workspace.clock import clock_of_environment
from ropeway.workspace.context import Context
from ropeway.workspace.errors import AnswerErased, PermissionDenied, ProjectNotFound, WorkspaceUnusable
from ropeway.workspace.lease import Lease
from ropeway.workspace.operation import OpenWorkspace, Operation
from ropeway.workspace.place import HOME, ledger_place
from ropeway.workspace.project import PROJECT_FILE, Project
from ropeway.workspace.project_file import load_project
from ropeway.workspace.stores import open_kept, open_store
from ropeway.workspace.user_folder import user_folder

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
        place: where the ledger is; by the settings when absent.
        store: the objects; by the settings when absent.
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
        place: Place | None = None,
        store: Store | None = None,
        signs: bool = False,
    ) -> None:
        self._root = root
        self._home = root / HOME
        self._caller = Caller(name=actor, allowed=allowed)
        self._clock = clock or SystemClock()
        self._fence = fence
        self._project = project
        self._is_guest = False
        rooms.load_projections()
        try:
            with in_our_words(self._root):
                self._home.mkdir(exist_ok=True, mode=PRIVATE)
            self._store = store or open_store(self._home, owner=self._ledger_id)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise WorkspaceUnusable(self._home, error.strerror or str(error)) from error
        self._ledger = Ledger(place or ledger_place(self._home), self._clock)
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
    def opens_addresses(self) -> bool:
        """Whether what data refers to is opened here: never for a guest, who may have named it."""
        return not self._is_guest

    @property
    def actor_name(self) -> str:
        """The name under which this caller acts."""
        return self._caller.name

    @property
    def caller(self) -> Caller:
        """Who acts, and what they may do."""
        return self._caller

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
        if not self._caller.may(operation.permission):
            raise PermissionDenied(operation.name, operation.permission)
        checked = operation.check(arguments)
        if operation.kind == "stream":
            return cast("R", self._stream(operation, checked))
        if operation.kind == "job":
            return self._run(operation, checked)
        try:
            return self._run(operation, checked, key)
        except LedgerUnreachable:
            # Nothing has happened: it says so. Once more; before each turn the ledger waits for its server.
            return self._run(operation, checked, key)

    def _run(self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str | None = None) -> R:
        if key is not None and operation.kind == "command":
            return self._perform_once(operation, arguments, key)
        with self._context() as context:
            return operation.function(context, **arguments)

    def acting(self, caller: Caller) -> "LocalWorkspace":
        """The same workspace for somebody else, over the same database and store: closed together with it."""
        other = copy.copy(self)
        other._caller = caller
        return other

    def fenced(self, lease: Lease) -> "LocalWorkspace":
        """The same workspace for the holder of a lease: nothing is written once the lease is another's."""
        return LocalWorkspace(
            self._root,
            actor=self._caller.name,
            clock=self._clock,
            allowed=self._caller.allowed,
            fence=lease,
            project=self._project,
            place=self._ledger.place,
            store=self._store,
            signs=self._checkpoints is not None,
        ).acting(self._caller)

    def going_by(self, project: Project) -> "LocalWorkspace":
        """The same workspace under other settings than the file's, such as the last that could be read."""
        return LocalWorkspace(
            self._root,
            actor=self._caller.name,
            clock=self._clock,
            allowed=self._caller.allowed,
            fence=self._fence,
            project=project,
            place=self._ledger.place,
            store=self._store,
            signs=self._checkpoints is not None,
        ).acting(self._caller)

    def for_guest(self, actor: str) -> "LocalWorkspace":
        """The same workspace, opened once, for a caller from elsewhere. Closing either one closes both.

        A guest computes in a process of their own and tells what came of it: every object that their events
        refer to must be there.
        """
        other = self.acting(msgspec.structs.replace(self._caller, name=actor))
        other._is_guest = True
        return other

    def close(self) -> None:
        """Sign what was written, and let go of the database."""
        self.checkpoint()
        self._ledger.close()

    def checkpoint(self) -> None:
        """Sign a head over what this workspace wrote, if it signs; for what runs long without closing."""
        if self._checkpoints is not None:
            self._checkpoints.sign()

    def _ledger_id(self) -> str | None:
        with self._ledger.reading() as connection:
            return get_meta(connection, LEDGER_ID)

    def _heads_elsewhere(self, ledger: str) -> Path | None:
        return outside_file(self._root, self.project.audit.heads, ledger)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _context(self, on_begin: Callable[[Connection], None] | None = None) -> Context:
        return Context(
            root=self._root,
            home=self._home,
            ledger=self._ledger,
            store=self._store,
            clock=self._clock,
            actor_name=self._caller.name,
            fence=self._fence,
            project=self._project,
            caller=self._caller,
            is_guest=self._is_guest,
            on_begin=on_begin,
        )

    def _stream(self, operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Iterator[Any]:
        with self._context() as context:
            yield from operation.function(context, **arguments)

    def _perform_once(self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str) -> R:
        """Answer as the first time if there was one; else run, and remember the answer in its transaction.

        What a command does before it writes is done without the lock, by two who ask at once by both; under
        the lock only the first one's goes on record.
        """
        # The caller is part of the question: nobody is given another's answer as their own.
        asked = digest_json([self._caller.name, arguments])

        def look(read: Connection) -> None:
            row = read.execute(select(answered).where(answered.c.key == key)).first()
            if row is None:
                return
            if (row.operation, row.arguments) != (operation.name, asked):
                raise IdempotencyMismatch(key, operation.name)
            if row.result == ANSWER_ERASED:
                raise AnswerErased(operation.name)
            raise _Answered(answer_in(row))

        try:
            with self._context() as context:
                look(context.read)
            with self._context(on_begin=look) as context:
                result = operation.function(context, **arguments)
                kept = sealed(key, operation.name, asked, msgspec.json.encode(result))
                context.begin().connection.execute(
                    insert(answered).values(key=key, operation=operation.name, arguments=asked, result=kept)
                )
                return result
        except _Answered as known:
            return cast("R", msgspec.json.decode(known.result, type=operation.result))
        except RopewayError:
            # What stood in the way may be that the same call, sent before, has gone through meanwhile.
            try:
                with self._context() as context:
                    look(context.read)
            except _Answered as known:
                return cast("R", msgspec.json.decode(known.result, type=operation.result))
            raise


class _Answered(BaseException):
    """The key was used before, for the same question; carries the answer, past any `except Exception`."""

    def __init__(self, result: bytes) -> None:
        super().__init__()
        self.result = result


_conforms: type[OpenWorkspace] = LocalWorkspace


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


def open_local(path: Path | str | None = None, *, actor: str | None = None) -> LocalWorkspace:
    """Open the workspace that the project's own folder holds.

    Args:
        path: a folder in the project; the working folder when absent. Searched upward.
        actor: the name under which to act; else `$ROPEWAY_AS`, else the login name.

    Raises:
        ProjectNotFound: there is no ropeway.toml there or above.
    """
    root = find_project(Path(path) if path is not None else Path.cwd())
    return LocalWorkspace(root, actor=actor or usual_actor(), clock=clock_of_environment(), signs=True)


def open_kept_local(path: Path | str | None = None, *, actor: str | None = None) -> LocalWorkspace:
    """As `open_local`, with the objects where they are, whatever the settings say: for moving them."""
    root = find_project(Path(path) if path is not None else Path.cwd())
    store, clock = open_kept(root / HOME), clock_of_environment()
    return LocalWorkspace(root, actor=actor or usual_actor(), clock=clock, store=store, signs=True)


def usual_actor() -> str:
    """The name under which a caller acts who gives none: `$ROPEWAY_AS`, else the login name."""
    if named := os.environ.get("ROPEWAY_AS"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "someone"
