"""One process at a time does a piece of work, and one that was taken for dead can write nothing more.

A lease has a fencing token that grows with each taking. A workspace that is `fenced` by a lease checks the
token inside each write transaction, so a process that slept through its lease is refused, not trusted. On
this machine a killed holder is known at once, by its lock on a file; one that hangs, when its time is over.
"""

import fcntl
import os
import platform
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Row, delete, insert, select, update

from ropeway.core.clock import from_text, to_text
from ropeway.ledger.tables import lease as leases
from ropeway.workspace.errors import LeaseHeld, LeaseLost

if TYPE_CHECKING:
    from ropeway.workspace.local import LocalWorkspace

TERM = timedelta(seconds=60)
NOBODY = ""
"""Who holds a lease that was let go of."""


class Lease:
    """A piece of work that is this process's for now. Made by `take_lease`; a context manager."""

    def __init__(self, workspace: "LocalWorkspace", name: str, holder: str, token: int, lock: int | None):
        self.name = name
        self.holder = holder
        self.token = token
        self._workspace = workspace
        self._lock = lock

    def check(self, connection: Connection) -> None:
        """Raise `LeaseLost` when another process has taken the lease. Asked within a write transaction."""
        now = connection.execute(select(leases.c.token).where(leases.c.name == self.name)).scalar()
        if now != self.token:
            raise LeaseLost(self.name, self.token, now or 0)

    def renew(self) -> None:
        """Keep it for another term.

        Raises:
            LeaseLost: it is another's already.
        """
        ledger, clock = self._workspace.ledger, self._workspace.clock
        if self._lock is None:
            # A hung holder before this one had the lock; once it is gone, the lock shows that this one lives.
            self._lock = _try_lock(self._workspace, self.name)
        with ledger.transaction() as transaction:
            self.check(transaction.connection)
            until = to_text(clock.now() + TERM)
            transaction.connection.execute(
                update(leases).where(leases.c.name == self.name).values(expires_at=until)
            )

    def release(self) -> None:
        """Let others have it. What was lost already is nothing to let go of."""
        try:
            with self._workspace.ledger.transaction() as transaction:
                ended = to_text(self._workspace.clock.now())
                # Without the lock: one that hangs has it, and who comes next must see that its time is over.
                holder = self.holder if self._lock is None else NOBODY
                transaction.connection.execute(
                    update(leases)
                    .where((leases.c.name == self.name) & (leases.c.token == self.token))
                    .values(holder=holder, expires_at=ended)
                )
        finally:
            # Where the disk is full nothing can be written, and the lock alone says that nobody is at it.
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take_lease(workspace: "LocalWorkspace", name: str) -> Lease:
    """Take a piece of work upon this process.

    Args:
        workspace: where.
        name: the work, such as `controller`.

    Raises:
        LeaseHeld: another process does it, lives, and its term is not over.
    """
    holder = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(3)}"
    lock = _try_lock(workspace, name)
    try:
        token = _take(workspace, name, holder, is_holder_gone=lock is not None)
    # Whatever was raised goes on its way; the lock must not stay behind.
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise
    return Lease(workspace, name, holder, token, lock)


def _take(workspace: "LocalWorkspace", name: str, holder: str, *, is_holder_gone: bool) -> int:
    with workspace.ledger.transaction() as transaction:
        connection, now = transaction.connection, workspace.clock.now()
        row = connection.execute(select(leases).where(leases.c.name == name)).first()
        if not is_holder_gone:
            _require_hung(name, row, now)
        token = 1 if row is None else row.token + 1
        connection.execute(delete(leases).where(leases.c.name == name))
        connection.execute(
            insert(leases).values(name=name, holder=holder, token=token, expires_at=to_text(now + TERM))
        )
        return token


def _require_hung(name: str, row: Row[Any] | None, now: datetime) -> None:
    """Refuse unless whoever has the lock is on record, and its time is over."""
    if row is None or row.holder == NOBODY:
        # It has the lock and is about to write who it is.
        raise LeaseHeld(name, "another process", to_text(now + TERM))
    until = from_text(row.expires_at)
    # A term that ends much later than any could was set by a clock that has jumped back since; a little
    # later, by one that was set right.
    if now < until <= now + 2 * TERM:
        raise LeaseHeld(name, row.holder, row.expires_at)


def _try_lock(workspace: "LocalWorkspace", name: str) -> int | None:
    """The lock that a living holder has; None when one lives."""
    path = workspace.home / f"{name}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
