"""What an operation is given: who acts, the project, the store, and one view of the ledger.

An operation reads from one snapshot, or, once it has begun to write, from its own write transaction. Heavy
work belongs before `begin`: the workspace's write lock is held from there to the operation's end.
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, select

from ropeway.core.clock import Clock
from ropeway.core.errors import Damaged, Unavailable
from ropeway.core.ids import Digest, PersonId, new_id
from ropeway.ledger import Event, Fact, Ledger, Transaction, person
from ropeway.ledger.journal import get_meta
from ropeway.ledger.people import PersonIntroduced
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.store import Store
from ropeway.store.errors import BytesErased, ObjectNotBrought
from ropeway.workspace.caller import Caller
from ropeway.workspace.lease import Lease
from ropeway.workspace.project import Project
from ropeway.workspace.project_file import load_project

E = TypeVar("E", bound=Event)


class Context:
    """One call of one operation. Made by the workspace; a context manager that commits or rolls back."""

    def __init__(
        self,
        *,
        root: Path,
        home: Path,
        ledger: Ledger,
        store: Store,
        clock: Clock,
        actor_name: str,
        fence: Lease | None = None,
        project: Project | None = None,
        caller: Caller | None = None,
        is_guest: bool = False,
        on_begin: Callable[[Connection], None] | None = None,
    ):
        self.root = root
        self.home = home
        self.ledger = ledger
        self.store = store
        self.clock = clock
        self.actor_name = actor_name
        self.caller = caller or Caller(name=actor_name)
        self._fence = fence
        self._project = project
        self._is_guest = is_guest
        self._on_begin = on_begin
        self._stack = ExitStack()
        self._reading: Connection | None = None
        self._transaction: Transaction | None = None
        self._actor: PersonId | None = None

    @property
    def opens_addresses(self) -> bool:
        """Whether what data refers to is opened here: never for a guest, who may have named it."""
        return not self._is_guest

    @property
    def project(self) -> Project:
        """The project file, as it stands now, unless the workspace goes by another (`going_by`)."""
        return self._project or load_project(self.root)

    @property
    def read(self) -> Connection:
        """A snapshot of the ledger; after `begin`, the write transaction itself."""
        if self._transaction is not None:
            return self._transaction.connection
        if self._reading is None:
            self._reading = self._stack.enter_context(self.ledger.reading())
        return self._reading

    @property
    def actor(self) -> PersonId:
        """The caller's opaque id. In a command, a person seen for the first time is introduced."""
        if self._actor is None:
            self._actor = self.caller.person or self._known_actor() or self._introduce()
        return self._actor

    def _known_actor(self) -> PersonId | None:
        query = select(person.c.id).where(person.c.name == self.actor_name).order_by(person.c.seq)
        known = self.read.execute(query).scalar()
        return None if known is None else PersonId(known)

    def _introduce(self) -> PersonId:
        transaction = self.begin()
        # Under the lock: another process may have introduced the same person since the snapshot.
        known = self._known_actor()
        if known is not None:
            return known
        introduced = PersonId(new_id("person"))
        transaction.append(PersonIntroduced(person=introduced, name=self.actor_name), actor=introduced)
        return introduced

    def begin(self, *, alone: bool = False) -> Transaction:
        """Take the write lock now: what is read from here on cannot change under us.

        Args:
            alone: shares its commit with nobody, so that nobody waits for it; for what takes long.
        """
        if self._transaction is None:
            # A snapshot taken before would not see what others wrote since; it is let go first.
            self._stack.close()
            self._reading = None
            # Before the turn, for it takes long. What fails is asked for again by the event that needs it.
            with suppress(Unavailable, Damaged, BytesErased):
                self.store.ship()
            self._transaction = self._stack.enter_context(self.ledger.transaction(alone=alone))
            if self._fence is not None:
                self._fence.check(self._transaction.connection)
            if self._on_begin is not None:
                self._on_begin(self._transaction.connection)
        return self._transaction

    def append(self, event: E) -> Fact[E]:
        """Record an event as the caller's. Durable when the operation has returned.

        Raises:
            ObjectNotBrought: the store does not hold an object that the event needs.
        """
        transaction = self.begin()
        # Under the lock that a collection takes too: what an event needs is there, and now it will stay.
        self.require(event.objects())
        return transaction.append(event, actor=self.actor, auth=self.caller.auth)

    def require(self, digests: Iterable[Digest]) -> None:
        """Let objects be where a reference to them holds; under the write lock.

        Raises:
            ObjectNotBrought: the store does not hold one.
        """
        needed = list(digests)
        for digest in needed:
            if not self.store.renew(digest):
                raise ObjectNotBrought(digest)
        self.store.ship(needed)

    def again(self) -> "Context":
        """Another call for the same caller, with a snapshot and a transaction of its own."""
        return Context(
            root=self.root,
            home=self.home,
            ledger=self.ledger,
            store=self.store,
            clock=self.clock,
            actor_name=self.actor_name,
            fence=self._fence,
            project=self._project,
            caller=self.caller,
            is_guest=self._is_guest,
        )

    @property
    def ledger_id(self) -> str | None:
        """Which history this is, wherever it is kept; None for one that has not begun."""
        with self.ledger.reading() as connection:
            return get_meta(connection, LEDGER_ID)

    @property
    def has_begun(self) -> bool:
        """Whether this call writes."""
        return self._transaction is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)
