"""Telling the sinks: from the outbox in the ledger, at least once, after what is told of is on record.

A message waits from the transaction that raised or resolved its alert until a sink took it. One process
delivers at a time, outside every transaction, and for a bounded time; what was not taken is tried again at a
later look, with growing pauses that a file beside the ledger remembers; without it, it is tried at once.
Of one alert a sink hears in order: what came later waits for what came before it.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec

from ropeway.core.errors import RopewayError
from ropeway.monitoring.look import write_file
from ropeway.monitoring.operations import Waiting, list_waiting, record_delivery
from ropeway.monitoring.records import Attempt
from ropeway.monitoring.sinks import send, told
from ropeway.workspace import Workspace
from ropeway.workspace.tables.monitor import Sink

ATTEMPTS = Path("monitoring") / "attempts.json"
LOCK = Path("monitoring") / "deliver.lock"
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
BUDGET_S = 20.0
"""How long one look may spend on sinks, all together."""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one round: how many messages were taken, and which still wait."""

    taken: int = 0
    waiting: list[Attempt] = []


def deliver(workspace: Workspace, *, budget_s: float = BUDGET_S) -> Delivered:
    """Give every message that is due to its sink. What another process is delivering is left to it.

    Args:
        workspace: where.
        budget_s: no more is begun once so much time has passed.
    """
    with _alone(workspace.home) as is_alone:
        if not is_alone:
            return Delivered(waiting=read_attempts(workspace.home))
        return _deliver(workspace, time.monotonic() + budget_s)


def read_attempts(home: Path) -> list[Attempt]:
    """What was tried and not taken, as far as it is remembered."""
    try:
        return msgspec.json.decode((home / ATTEMPTS).read_bytes(), type=list[Attempt])
    except (OSError, msgspec.DecodeError):
        return []


def _deliver(workspace: Workspace, deadline: float) -> Delivered:
    waiting = list_waiting(workspace)
    remembered = read_attempts(workspace.home)
    before = {(each.alert, str(each.state), each.sink): each for each in remembered}
    after: list[Attempt] = []
    taken = 0
    stuck: set[str] = set()
    held: set[tuple[str, str]] = set()
    for each in waiting:
        sink = workspace.project.sinks.get(each.sink)
        if sink is None:
            continue  # taken out of the project file a moment ago
        tried = before.get((each.message.alert.id, each.message.state, each.sink))
        now = workspace.clock.now()
        # A sink that hangs is asked once a round; a clock that jumped back makes nobody wait for years.
        is_due = tried is None or tried.next_at <= now or tried.tried_at > now
        # In the order in which they came about: the end of what was never heard of says nothing.
        of = (each.message.alert.id, each.sink)
        if not is_due or of in held or each.sink in stuck or time.monotonic() >= deadline:
            held.add(of)
            after += [tried] if tried is not None else []
            continue
        failed = _try(workspace, each, sink, tried, deadline - time.monotonic())
        if failed is None:
            taken += 1
        else:
            stuck.add(each.sink)
            after.append(failed)
    if after != remembered:
        # Only how often was tried would be lost with the file: a full disk must not stop monitoring.
        with contextlib.suppress(OSError, RopewayError):
            write_file(workspace.home, ATTEMPTS, msgspec.json.encode(after))
    return Delivered(taken=taken, waiting=after)


def _try(
    workspace: Workspace, each: Waiting, sink: Sink, tried: Attempt | None, timeout_s: float
) -> Attempt | None:
    """One attempt; None when the message was taken and that is on record."""
    now = workspace.clock.now()
    tries = 1 if tried is None else tried.tries + 1
    message = each.message
    try:
        send(message, each.sink, sink, root=workspace.root, now=now, timeout_s=max(0.1, timeout_s))
    except RopewayError as error:
        return Attempt(
            alert=message.alert.id,
            state="resolved" if message.state == "resolved" else "raised",
            sink=each.sink,
            tries=tries,
            error=error.code,
            says=told(error),
            tried_at=now,
            next_at=now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tries - 1, 10)),
        )
    record_delivery(workspace, identity=message.alert.id, state=message.state, sink=each.sink, tries=tries)
    return None


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Whether this process is the one that delivers; the lock goes with it, however it ends."""
    path = home / LOCK
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)
