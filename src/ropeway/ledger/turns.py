"""Write turns, one at a time in the order of asking, and durable together where several wait.

A commit waits for the disk, and whoever comes meanwhile waits for the commit. So a thread that is done while
another stands in line behind it does not commit: it hands the open transaction on and waits; the last in line
commits for all. Nobody leaves before the outcome is known, so what returned is durable, as with a commit of
one's own. Each turn but the first is a savepoint: one that fails takes back its own and nothing else. Who
writes alone pays nothing for this, and other processes wait no longer than `TOGETHER_S` more.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from ropeway.core.errors import RopewayError
from ropeway.ledger.database import Database
from ropeway.ledger.errors import CommitUnknown, LedgerBusy
from ropeway.ledger.lock import Line
from ropeway.ledger.transaction import Mark, Transaction

TOGETHER_S = 0.02
"""No turn joins a transaction that has been open for longer: other processes want theirs."""

_held = threading.local()


class Turns:
    """The write turns of one process on one database.

    Args:
        database: where.
        begin: makes the transaction on a connection that has the write lock.
        ended: told of each transaction that became durable.
    """

    def __init__(
        self,
        database: Database,
        begin: Callable[[Connection], Transaction],
        ended: Callable[[Transaction], None],
    ) -> None:
        self._database = database
        self._begin = begin
        self._ended = ended
        self._line = Line(declined=self._give_on)
        self._open: _Together | None = None

    @contextmanager
    def turn(self, *, alone: bool = False) -> Iterator[Transaction]:
        """One turn: all of it is durable when the block ends, or none of it happened.

        Args:
            alone: shares its commit with nobody; for what takes long, or looks on from another connection.

        Raises:
            CommitUnknown: nobody can tell whether it has happened.
        """
        together, failure = None, None
        with _once(self._database.name):
            self._line.enter(joins=not alone)
            try:
                together = self._join(alone=alone)
                with together.turn() as transaction:
                    yield transaction
            # Whatever it was goes on its way, once the turn is given on.
            except BaseException as error:  # noqa: BLE001
                failure = error
            self._give_on()
        if together is not None and not isinstance(failure, KeyboardInterrupt | SystemExit | GeneratorExit):
            # What it read or failed on may have been another's, and not have happened after all.
            together.wait()
        if failure is not None:
            raise failure

    def _join(self, *, alone: bool) -> "_Together":
        if self._open is not None and self._open.process != os.getpid():
            # It is the parent's: what we have of it is a copy that nobody may touch.
            self._open = None
        if self._open is None:
            self._open = _Together(self._database, self._begin, is_alone=alone)
        return self._open

    def _give_on(self) -> None:
        """End our turn: hand what is open to the next in line, or end that too."""
        together = self._open
        if together is None:
            self._line.leave()
            return
        if together.may_go_on() and self._line.hand_over():
            return
        self._open = None
        try:
            together.end(self._ended)
        finally:
            self._line.leave()


class _Together:
    """An open write transaction and the turns that share it, one after the other."""

    def __init__(
        self, database: Database, begin: Callable[[Connection], Transaction], *, is_alone: bool
    ) -> None:
        self.process = os.getpid()
        self._database = database
        self._is_alone = is_alone
        self._turns = 0
        self._is_spent = False
        self._error: Exception | None = None
        self._over = threading.Event()
        self._writing = database.writing()
        self._connection = self._writing.__enter__()
        self._until = time.monotonic() + TOGETHER_S
        try:
            with database.in_our_words():
                self._transaction = begin(self._connection)
        # Whatever was wrong goes on its way; the write lock does not stay behind.
        except BaseException:
            self._abandon()
            raise

    @contextmanager
    def turn(self) -> Iterator[Transaction]:
        """One turn of it: when it fails, what the turns before it wrote is still there."""
        self._turns += 1
        mark = None
        try:
            with self._database.in_our_words():
                if self._turns > 1:
                    self._connection.exec_driver_sql("SAVEPOINT turn")
                    mark = self._transaction.mark()
                yield self._transaction
                self._transaction.finish()
                if mark is not None:
                    self._connection.exec_driver_sql("RELEASE SAVEPOINT turn")
        except BaseException as error:
            self._take_back(mark, error)
            raise

    def may_go_on(self) -> bool:
        """Whether another turn may join."""
        return not (self._is_spent or self._is_alone) and time.monotonic() < self._until

    def end(self, ended: Callable[[Transaction], None]) -> None:
        """Make it durable, or take back all of it, and tell everyone who waits."""
        try:
            if self._is_spent:
                self._abandon()
                return
            self._writing.__exit__(None, None, None)
            ended(self._transaction)
        except Exception as error:  # noqa: BLE001  each of those who wait raises it
            self._error = error
        # Interrupted in the middle of it: those who wait must ask.
        except BaseException:
            self._error = CommitUnknown(self._database.name, "it was interrupted")
            raise
        finally:
            self._over.set()

    def wait(self) -> None:
        """Wait until it is known how it ended; raises what went wrong."""
        self._over.wait()
        if self._error is not None:
            raise self._error

    def _take_back(self, mark: Mark | None, error: BaseException) -> None:
        """Undo a turn that failed; where that cannot be, all of them."""
        if mark is None and self._turns == 1:
            self._is_spent = True
            return
        try:
            with self._database.in_our_words():
                self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT turn")
                self._connection.exec_driver_sql("RELEASE SAVEPOINT turn")
            assert mark is not None, "where there is a savepoint, there is a mark"
            self._transaction.go_back(mark)
        # A disk that is full or a line that is dead takes the whole transaction with it.
        except Exception as broken:  # noqa: BLE001
            self._is_spent = True
            self._error = next(
                (each for each in (error, broken) if isinstance(each, RopewayError)),
                LedgerBusy(self._database.name, "another's write took this one with it"),
            )

    def _abandon(self) -> None:
        """Let go of the write lock with nothing written."""
        gone = _Abandoned()
        # What else goes wrong on the way out tells less than why it is abandoned.
        with contextlib.suppress(Exception):
            self._writing.__exit__(_Abandoned, gone, None)


class _Abandoned(Exception):
    """Thrown into a write transaction that is not to be."""


@contextmanager
def _once(name: str) -> Iterator[None]:
    """Hold that this thread is in no other turn on the same database: it would wait for itself."""
    names: set[str] = _held.__dict__.setdefault("names", set())
    assert name not in names, "one write transaction at a time: finish the one that is open first"
    names.add(name)
    try:
        yield
    finally:
        names.discard(name)
