"""Telling webhooks: at least once, each in the order of the ledger, by one process at a time.

A message is sent outside of every transaction; that it was taken is written down before the next one goes. A
process that is killed between the two sends it again, under the same id. What is not taken is tried again
with growing pauses, and holds up what comes after it for that webhook alone. What has waited for a day is
given up, with that on record: a receiver that was away for weeks is not buried when it comes back.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Self

from ropeway.core.clock import to_text
from ropeway.core.errors import RopewayError
from ropeway.webhooks.events import WebhookMessagesDropped
from ropeway.webhooks.follow import Follower, Next, followers, head_of, note, upcoming
from ropeway.webhooks.send import Message, send
from ropeway.webhooks.vault import Vault, ledger_of
from ropeway.workspace import Caller, Context, LocalWorkspace, Operation
from ropeway.workspace.errors import LeaseHeld, LeaseLost
from ropeway.workspace.lease import Lease, take_lease

logger = logging.getLogger("ropeway.webhooks")

NAME = "webhooks"
"""The lease, and the name under which messages are given up."""
POLL_S = 0.5
AFTER_ERROR_S = 5.0
"""A database that is away is not asked, and not complained of, twice a second."""
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=1)
"""A message that is older, and was not taken just now, is not sent any more."""
BUDGET_S = 20.0
"""How long a webhook may be begun to be told something: with one that hangs, within the term of a lease."""
AT_ONCE = 8
"""Webhooks that are told side by side, so that a slow one holds up few others."""


class Deliverer:
    """Tells the webhooks of one workspace, from a thread of its own while it is open. A context manager.

    Args:
        workspace: whose. Several processes may do this; one of them does the work.
        poll_s: how often is looked whether something happened.
    """

    def __init__(self, workspace: LocalWorkspace, *, poll_s: float = POLL_S) -> None:
        self._workspace = workspace.acting(Caller(name=NAME))
        self._poll_s = poll_s
        self._stop = threading.Event()
        # Up to where nothing was found for a webhook, by this process: spares looking again.
        self._seen: dict[tuple[str, frozenset[str]], int] = {}
        self._thread = threading.Thread(target=self._run, name="ropeway-webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        # A message that is on its way has its own end; nobody waits longer than this for it.
        self._thread.join(timeout=2.0)

    def round(self) -> bool:
        """Tell every webhook what it can be told now. Gives whether there was anything to tell.

        Raises:
            LeaseLost: this process was taken for dead meanwhile.
        """
        if not self._waiting():
            return False
        try:
            lease = take_lease(self._workspace, NAME)
        except LeaseHeld:
            return False
        with lease:
            # Asked anew: until the lease was ours, another process may have done it.
            for some in _in_groups(self._waiting(), AT_ONCE):
                lease.renew()
                _side_by_side([partial(self._tell, lease, each) for each in some])
        return True

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            try:
                self.round()
            except Exception as error:  # noqa: BLE001  the thread's edge: the next round sees how things stand
                if not self._stop.is_set():
                    logger.warning("webhooks: %s", error if isinstance(error, RopewayError) else repr(error))
                    self._stop.wait(AFTER_ERROR_S)

    def _waiting(self) -> list[Follower]:
        """Those for whom there may be something to send, and whose pause is over."""
        now = self._workspace.clock.now()
        with self._workspace.ledger.reading() as read:
            found = followers(read)
            head = head_of(read) if found else 0
            return [each for each in found if _is_due(each, now) and self._has_more(each, head)]

    def _has_more(self, follower: Follower, head: int) -> bool:
        return head > max(follower.upto, self._seen.get((follower.webhook, follower.topics), 0))

    def _tell(self, lease: Lease, follower: Follower) -> None:
        """Send one webhook what waits for it, until something is not taken."""
        ledger, until = self._workspace.ledger, time.monotonic() + BUDGET_S
        while True:
            with ledger.reading() as read:
                head, batch = head_of(read), upcoming(ledger, read, follower)
            if not batch:
                self._seen[follower.webhook, follower.topics] = head
                return
            for each in batch:
                if self._stop.is_set() or time.monotonic() > until:
                    return
                told = self._tell_of(lease, follower, each)
                if told is None:
                    return
                follower = told

    def _tell_of(self, lease: Lease, follower: Follower, what: Next) -> Follower | None:
        """Send the messages of one event; gives how far it has come, None where one was not taken."""
        for place, message in what.messages:
            failed = self._try(follower.webhook, message)
            if failed is not None:
                self._note_failure(lease, follower, what, failed)
                return None
            follower = follower._replace(upto=what.fact.seq - 1, parts=place + 1, fails=0)
            if place == what.messages[-1][0]:
                follower = follower._replace(upto=what.fact.seq, parts=0)
            self._write(lease, follower)
        return follower

    def _try(self, webhook: str, message: Message) -> RopewayError | None:
        """Send one message. The address is opened for each: it may have been changed a moment ago."""
        try:
            with self._workspace.ledger.reading() as read:
                hidden = Vault(ledger_of(read)).open(read, webhook)
            send(message, hidden, self._workspace.project.webhooks, self._workspace.clock.now())
        except RopewayError as error:
            return error
        return None

    def _note_failure(self, lease: Lease, follower: Follower, what: Next, error: RopewayError) -> None:
        now = self._workspace.clock.now()
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(follower.fails, 20))
        follower = follower._replace(fails=follower.fails + 1)
        if now - what.fact.at > GIVE_UP_AFTER:
            follower = self._give_up(lease, follower, now, error)
        self._write(lease, follower, next_at=to_text(now + pause), says=error.what)

    def _give_up(self, lease: Lease, follower: Follower, now: datetime, error: RopewayError) -> Follower:
        """Put on record that what has waited for too long is not sent any more."""
        with self._workspace.ledger.reading() as read:
            batch = upcoming(self._workspace.ledger, read, follower)
        old = [each for each in batch if now - each.fact.at > GIVE_UP_AFTER]
        follower = follower._replace(upto=old[-1].fact.seq, parts=0)
        with self._workspace.fenced(lease) as fenced:
            drop_messages(
                fenced,
                webhook=follower.webhook,
                first=old[0].fact.seq,
                last=follower.upto,
                count=sum(len(each.messages) for each in old),
                error=error.code,
            )
        return follower

    def _write(self, lease: Lease, follower: Follower, *, next_at: str = "", says: str = "") -> None:
        """Write down how far a webhook has come, unless the lease is another's."""
        with self._workspace.ledger.transaction() as transaction:
            lease.check(transaction.connection)
            note(transaction.connection, follower, next_at=next_at, says=says)


def _drop(context: Context, *, webhook: str, first: int, last: int, count: int, error: str) -> bool:
    dropped = WebhookMessagesDropped(webhook=webhook, first=first, last=last, count=count, error=error)
    context.append(dropped)
    note(context.read, Follower(webhook, frozenset(), last, 0, 0, None))
    return True


# Not registered: it is no route, since who else could say so?
drop_messages = Operation("webhooks.drop", "command", "webhooks:manage", _drop)


def _side_by_side(works: list[Callable[[], None]]) -> None:
    """Do some work at once, and raise what one of them raised. No exit of the process waits for it."""
    raised: list[Exception] = []

    def do(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  the thread's edge: raised again where somebody hears it
            raised.append(error)

    threads = [threading.Thread(target=do, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # That the lease is lost says more than what came of it.
    for error in sorted(raised, key=lambda each: not isinstance(each, LeaseLost)):
        raise error


def _in_groups(found: list[Follower], size: int) -> list[list[Follower]]:
    return [found[start : start + size] for start in range(0, len(found), size)]


def _is_due(follower: Follower, now: datetime) -> bool:
    # A clock that jumped back makes nobody wait for longer than the longest pause.
    return follower.next_at is None or not now < follower.next_at <= now + LONGEST_PAUSE
