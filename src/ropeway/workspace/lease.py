"""One process at a time does a piece of work, and one that was taken for dead can write nothing more.

A lease has a fencing token that grows with each taking. A workspace that is `fenced` by a lease checks the
token inside each write transaction, so a process that slept through its lease is refused, not trusted. A
killed holder is known at once, since the database below the ledger knows who lives (`Hold`: a lock on a file,
or a session of PostgreSQL); one that hangs, when its time is over.
"""

import os
import platform
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Row, delete, insert, select, update

from ropeway.core.clock import from_text, to_text
from ropeway.ledger.database import Hold
from ropeway.ledger.tables import lease as leases
from ropeway.workspace.errors import LeaseHeld, LeaseLost

if TYPE_CHECKING:
    from ropeway.workspace.local import LocalWorkspace

TERM = timedelta(seconds=60)
NOBODY = ""
"""Who holds a lease that was let go of."""


class Lease:
    """A piece of work that is this process's for now. Made by `take_lease`; a context manager."""

    def __init__(self, workspace: "LocalWorkspace", name: str, holder: str, token: int, hold: Hold | None):
        self.name = name
        self.holder = holder
        self.token = token
        self._workspace = workspace
        self._hold = hold

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
        ledger = self._workspace.ledger
        if self._hold is None or not self._hold.is_held():
            # A hung holder before this one had the hold, or a server that stopped has dropped it; once it is
            # free, it shows that this one lives.
            self._hold = ledger.try_hold(self.name)
        with ledger.transaction() as transaction:
            self.check(transaction.connection)
            until = to_text(ledger.now(transaction.connection) + TERM)
            transaction.connection.execute(
                update(leases).where(leases.c.name == self.name).values(expires_at=until)
            )

    def release(self) -> None:
        """Let others have it. What was lost already is nothing to let go of."""
        try:
            with self._workspace.ledger.transaction() as transaction:
                ended = to_text(self._workspace.ledger.now(transaction.connection))
                # Without the hold: one that hangs has it, and who comes next must see that its time is over.
                holder = self.holder if self._hold is None else NOBODY
                transaction.connection.execute(
                    update(leases)
                    .where((leases.c.name == self.name) & (leases.c.token == self.token))
                    .values(holder=holder, expires_at=ended)
                )
        finally:
            # Where the disk is full nothing can be written, and the hold alone says that nobody is at it.
            if self._hold is not None:
                self._hold.release()
                self._hold = None

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
    hold = workspace.ledger.try_hold(name)
    try:
        token = _take(workspace, name, holder, is_holder_gone=hold is not None)
    # Whatever was raised goes on its way; the hold must not stay behind.
    except BaseException:
        if hold is not None:
            hold.release()
        raise
    return Lease(workspace, name, holder, token, hold)


def _take(workspace: "LocalWorkspace", name: str, holder: str, *, is_holder_gone: bool) -> int:
    with workspace.ledger.transaction() as transaction:
        connection = transaction.connection
        now = workspace.ledger.now(connection)
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
    """Refuse unless whoever has the hold is on record, and its time is over."""
    if row is None or row.holder == NOBODY:
        # It has the hold and is about to write who it is.
        raise LeaseHeld(name, "another process", to_text(now + TERM))
    until = from_text(row.expires_at)
    # A term that ends much later than any could was set by a clock that has jumped back since; a little
    # later, by one that was set right.
    if now < until <= now + 2 * TERM:
        raise LeaseHeld(name, row.holder, row.expires_at)
