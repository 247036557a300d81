"""The workspace on a server, as a caller sees it: operations over HTTP, bytes through a verified copy.

What runs where: a query, a command, a stream and most jobs run at the server, under its rules. The project's
own code runs at the caller, in the caller's folder; what it gave is put as bytes, and a command with their
digests puts it on record.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast, get_args

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.clock import Clock, SystemClock
from ropeway.core.ids import new_id
from ropeway.store.errors import ObjectMissing
from ropeway.workspace.connection import ACTOR, MSGPACK, PROJECT, Connection, Lost, Patience
from ropeway.workspace.errors import ForeignAnswer, JobCutOff, ProjectInvalid, ProjectNotFound
from ropeway.workspace.events import ServerEvent, read_events
from ropeway.workspace.foreign import Told, error_of
from ropeway.workspace.operation import OpenWorkspace, Operation
from ropeway.workspace.operations import show_project
from ropeway.workspace.place import HOME
from ropeway.workspace.project import Project
from ropeway.workspace.project_file import load_project
from ropeway.workspace.remote_store import RemoteStore
from ropeway.workspace.rules import combine
from ropeway.workspace.tokens import file_name

R = TypeVar("R")

FOLDER = "remotes"
"""Below the caller's `.ropeway`: a folder for each server, with spools and copies of objects."""
FIRST_LOOK_S = 0.05
LONGEST_LOOK_S = 2.0
_JOB = re.compile(r"[a-z]+_[A-Za-z0-9_-]{1,100}")


class _Accepted(msgspec.Struct):
    job: str


class _Job(msgspec.Struct):
    """What a caller must know of a job."""

    state: Literal["running", "finished", "failed", "interrupted"]
    result: Any = None
    error: Any = None


class RemoteWorkspace:
    """Runs operations at a server. A context manager; may be used from several threads.

    Args:
        connection: the way to it.
        root: the caller's folder: code and data files are from there.
        home: the caller's folder for this server.
        actor: the name under which the caller acts, as far as it is the caller's to say.
        clock: where times come from.
        tell: called once with a sentence where the folder's settings are not those that count.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        root: Path,
        home: Path,
        actor: str,
        clock: Clock | None = None,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._connection = connection
        self._root = root
        self._home = home
        self._actor_name = actor
        self._clock = clock or SystemClock()
        self._tell = tell

    @property
    def root(self) -> Path:
        """The caller's folder."""
        return self._root

    @property
    def home(self) -> Path:
        """The caller's own folder for this server: spools, copies, caches. The server has another."""
        return self._home

    @property
    def origin(self) -> str:
        """The server's address."""
        return self._connection.origin

    @property
    def address(self) -> str:
        """The workspace's address: the server's, with the path before ours."""
        return self._connection.address

    @property
    def clock(self) -> Clock:
        """Where times come from. Events have the server's."""
        return self._clock

    @property
    def opens_addresses(self) -> bool:
        """What is opened here is opened by the caller's own process."""
        return True

    @property
    def actor_name(self) -> str:
        """The name under which this caller acts."""
        return self._actor_name

    @contextlib.contextmanager
    def waiting(self, patience_s: float) -> Iterator[None]:
        """Within this, a server that goes away is waited for so many seconds, and not the usual few."""
        usual, self._connection.patience_s = self._connection.patience_s, patience_s
        try:
            yield
        finally:
            self._connection.patience_s = usual

    @cached_property
    def store(self) -> RemoteStore:
        """The objects: the server's, with copies here."""
        return RemoteStore(self._home, self._connection)

    @cached_property
    def project(self) -> Project:
        """The server's rules, with the folder's pipeline, inputs and parameters; see `rules`."""
        theirs = show_project(self)
        try:
            ours = load_project(self._root)
        except ProjectNotFound:
            return theirs
        made, differences = combine(ours, theirs)
        if differences:
            names = ", ".join(f"[{name}]" for name in differences)
            self._tell(f"ropeway.toml differs from the server's, whose settings count here: {names}")
        return made

    def perform(
        self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str | None = None
    ) -> R:
        """Run an operation; see `Workspace.perform`. A command is sent under a key and so happens once.

        Raises:
            RopewayError: as the operation does, with the server's words.
            ServerUnreachable: no answer came; of a command, whether it happened is then not known.
            ForeignAnswer: the answer is not one.
        """
        checked = operation.check(arguments)
        if operation.kind == "stream":
            return cast("R", self._stream(operation, checked))
        if operation.kind == "query":
            return self._call(operation, checked)
        if operation.kind == "job" and operation.at_caller is not None:
            return cast("R", operation.at_caller(self, **checked))
        key = key or new_id("key")
        if operation.kind == "job":
            self._push()
            return self._follow(operation, checked, key)
        self._push()
        try:
            return self._call(operation, checked, key)
        except ObjectMissing:
            # Collected at the server since it was there: nothing was recorded, so it can be brought again.
            if "store" not in self.__dict__:
                raise
            self.store.doubt()
            self.store.push()
            return self._call(operation, checked, key)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _push(self) -> None:
        """A reference is published only after its bytes are there."""
        if "store" in self.__dict__:
            self.store.push()

    def _call(self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str | None = None) -> R:
        kind, body = self._connection.call(operation.name, canonical(arguments), key=key)
        decoder = msgspec.msgpack if kind == MSGPACK else msgspec.json
        return cast("R", self._understood(operation, lambda: decoder.decode(body, type=operation.result)))

    def _understood(self, operation: Operation[..., Any], read: Callable[[], R]) -> R:
        try:
            return read()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ForeignAnswer(self.origin, f"its answer to '{operation.name}': {error}") from error

    def _follow(self, operation: Operation[..., R], arguments: Mapping[str, Any], key: str) -> R:
        """Have a job done, and wait for its end."""
        _, body = self._connection.call(operation.name, canonical(arguments), key=key)
        job = self._understood(operation, lambda: msgspec.json.decode(body, type=_Accepted)).job
        if not _JOB.fullmatch(job):  # it becomes part of an address
            raise ForeignAnswer(self.origin, "it names a job that cannot be one")
        pause = FIRST_LOOK_S
        while True:
            seen = self._job(operation, job)
            if seen.state != "running":
                return self._outcome(operation, job, seen)
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK_S)

    def _job(self, operation: Operation[..., Any], job: str) -> _Job:
        _, body = self._connection.get(f"jobs/{job}")
        return self._understood(operation, lambda: msgspec.json.decode(body, type=_Job))

    def _outcome(self, operation: Operation[..., R], job: str, seen: _Job) -> R:
        if seen.state == "interrupted":
            raise JobCutOff(job, operation.name)
        if seen.state == "failed":
            raise error_of(self._understood(operation, lambda: msgspec.convert(seen.error, Told)))
        return cast("R", self._understood(operation, lambda: msgspec.convert(seen.result, operation.result)))

    def _stream(self, operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Iterator[Any]:
        """Items as they come; a connection that breaks is taken up again after the last one."""
        wanted = dict(arguments)
        patience = Patience(self._connection)
        while True:
            broke = Lost("it ended")
            try:
                with self._connection.events(operation.name, canonical(wanted)) as pieces:
                    for event in read_events(pieces, self.origin):
                        if event.kind == "end":
                            return
                        yield self._item(operation, event)
                        patience.renew()
                        if event.cursor is not None:
                            wanted["after"] = event.cursor
            except Lost as error:
                broke = error
            if not patience.waits():
                raise self._connection.lost(broke) from broke

    def _item(self, operation: Operation[..., Any], event: ServerEvent) -> Any:
        """An item of a stream.

        Raises:
            RopewayError: the operation did.
        """
        if event.kind == "error":
            told = self._understood(operation, lambda: msgspec.json.decode(event.data, type=dict[str, Told]))
            raise error_of(told.get("error", Told(code="error", what="The stream failed.")))
        item = get_args(operation.result)[0]
        return self._understood(operation, lambda: msgspec.json.decode(event.data, type=item))


_conforms: type[OpenWorkspace] = RemoteWorkspace


def home_for(root: Path, address: str) -> Path:
    """The caller's folder for a workspace: no spool of a run here is taken for one of a run there."""
    return root / HOME / FOLDER / file_name(address)


def headers_for(root: Path, actor: str | None) -> dict[str, str]:
    """What each request says of the caller: the name to act under, and the project of the folder."""
    said = {} if actor is None else {ACTOR: actor}
    try:
        return {**said, PROJECT: load_project(root).project.name}
    except (ProjectNotFound, ProjectInvalid):
        return said
