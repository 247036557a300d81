"""How the history stands: its database, its lock, its clock, and who vouches for it."""

import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select, text

from ropeway.core.clock import from_text
from ropeway.core.note import KeyInvalid, parse_verifier
from ropeway.keeping.doctor.machine import CLOCK_TOLERANCE
from ropeway.keeping.doctor.signs import Sign, Verdict, ago
from ropeway.ledger import projections
from ropeway.ledger.journal import FORMAT, get_meta
from ropeway.ledger.tables import checkpoint, event
from ropeway.ledger.tree import size_of
from ropeway.ledger.upgrade import LEDGER_ID
from ropeway.workspace import Context
from ropeway.workspace.checkpoints import EVERY_EVENTS, VERIFIER
from ropeway.workspace.keyring import Keyring
from ropeway.workspace.user_folder import user_folder

QUICKLY_CHECKED = 100_000
"""So many events are looked through in no time."""
LOCK = "write"
"""The name under which, in SQLite, the write turn's own lock is."""
PATIENCE_S = 2.0
PAUSE_S = 0.05
OTHERS = 0o077


def look_at_database(context: Context) -> Iterator[Sign]:
    """Which database, of which format, and what it says of itself."""
    read, count = context.read, size_of(context.read)
    said = context.ledger.problems(read) if count < QUICKLY_CHECKED else []
    if said:
        more = f", and {len(said) - 1} more" if len(said) > 1 else ""
        yield Sign(
            part="ledger", name="database", verdict="fail", says=said[0] + more, next_step="ropeway fsck"
        )
        return
    where = (
        f"SQLite in '{context.ledger.place.name}'"
        if isinstance(context.ledger.place, Path)
        else (f"PostgreSQL {read.execute(text('SHOW server_version')).scalar_one()} at {context.ledger.name}")
    )
    is_current = get_meta(read, "projections") == projections.shape()
    form = "" if is_current else "; its tables are of another release and will be made again"
    says = f"{where}, format {get_meta(read, 'format') or FORMAT}, {count:,} events{form}"
    yield Sign(part="ledger", name="database", verdict="ok", says=says)


def look_at_lock(context: Context) -> Iterator[Sign]:
    """Whether the lock is given, and given once: what keeps two writers from each other."""
    until, began = time.monotonic() + PATIENCE_S, time.monotonic()
    while (first := context.ledger.try_hold(LOCK)) is None and time.monotonic() < until:
        time.sleep(PAUSE_S)
    if first is None:
        says = f"another process has held it for more than {PATIENCE_S:g} s"
        step = "see who writes (lsof .ropeway/write.lock); a process that is killed lets go of it"
        yield Sign(part="ledger", name="lock", verdict="warn", says=says, next_step=step)
        return
    try:
        second = context.ledger.try_hold(LOCK)
    finally:
        first.release()
    if second is not None:
        second.release()
        says = "it is given to two at once: writers would spoil each other's work"
        step = "move the project to a local disk, or the ledger to PostgreSQL: ropeway ledger move --to URL"
        yield Sign(part="ledger", name="lock", verdict="fail", says=says, next_step=step)
    else:
        waited = (time.monotonic() - began) * 1_000
        yield Sign(
            part="ledger", name="lock", verdict="ok", says=f"given to one at a time, in {waited:.0f} ms"
        )


def look_at_server_clock(context: Context) -> Iterator[Sign]:
    """Where another machine keeps the ledger: whether its clock, by which leases end, is ours."""
    if isinstance(context.ledger.place, Path):
        return
    ahead = context.ledger.now(context.read) - context.clock.now()
    is_off = abs(ahead) > CLOCK_TOLERANCE
    seconds = ahead.total_seconds()
    yield Sign(
        part="ledger",
        name="its clock",
        verdict="warn" if is_off else "ok",
        says=f"{abs(seconds):,.1f} s {'ahead of' if seconds > 0 else 'behind'} this machine's",
        next_step="set the clocks of both machines by the network (timedatectl set-ntp true)"
        if is_off
        else "",
    )


def look_at_heads(context: Context) -> Iterator[Sign]:
    """The newest signed head: over how many events, how old, and what came since."""
    read = context.read
    count = size_of(read)
    size = read.execute(select(checkpoint.c.size).order_by(checkpoint.c.size.desc()).limit(1)).scalar()
    if size is None:
        verdict: Verdict = "ok" if count < EVERY_EVENTS else "warn"
        step = "" if verdict == "ok" else "ropeway audit key   shows whose key signs, and where it is"
        yield Sign(part="ledger", name="head", verdict=verdict, says="none was signed yet", next_step=step)
        return
    at = read.execute(select(event.c.at).where(event.c.seq == size)).scalar()
    since = "" if at is None else f", the last of them {ago(context.clock.now() - from_text(at))}"
    behind = max(0, count - size)
    is_late = behind >= EVERY_EVENTS
    yield Sign(
        part="ledger",
        name="head",
        verdict="warn" if is_late else "ok",
        says=f"signed over {size:,} events{since}; {behind:,} since",
        next_step="run any command that writes where the key is: ropeway audit key" if is_late else "",
    )


def look_at_key(context: Context) -> Iterator[Sign]:
    """The key that signs heads: whether it is here, can be read, matches, and is nobody else's to read."""
    read = context.read
    known = get_meta(read, VERIFIER)
    if known is None:
        yield Sign(part="ledger", name="key", verdict="ok", says="none yet; made with the first signed head")
        return
    keyring = Keyring(user_folder(), get_meta(read, LEDGER_ID) or "")
    try:
        verifier = parse_verifier(known)
        path = keyring.folder / f"{verifier.id.hex()}.key"
        signer = keyring.signer(verifier)
    except (KeyInvalid, OSError, UnicodeDecodeError) as error:
        step = f"put it back into {keyring.folder} from a copy; else ropeway audit key --replace REASON"
        yield Sign(
            part="ledger", name="key", verdict="fail", says=f"it cannot be read: {error}", next_step=step
        )
        return
    name = verifier.id.hex()
    if signer is None:
        says = f"{name} is not on this machine: heads are signed where it is"
        step = "ropeway audit key   shows it; if it is lost: ropeway audit key --replace REASON"
        yield Sign(part="ledger", name="key", verdict="warn", says=says, next_step=step)
    elif signer.verifier != verifier:
        step = "ropeway audit key --replace REASON"
        says = f"{path} is not the private half of {name}: nothing is signed"
        yield Sign(part="ledger", name="key", verdict="fail", says=says, next_step=step)
    elif path.stat().st_mode & OTHERS:
        says = f"others on this machine may read it: {path}"
        yield Sign(part="ledger", name="key", verdict="fail", says=says, next_step=f"chmod 600 {path}")
    elif path.resolve().is_relative_to(context.root.resolve()):
        says = f"{name} lies within the project, where who changes history finds it"
        step = "set ROPEWAY_CONFIG to a folder outside, and move its ledgers/ there"
        yield Sign(part="ledger", name="key", verdict="warn", says=says, next_step=step)
    else:
        yield Sign(part="ledger", name="key", verdict="ok", says=f"{name}, yours alone, in {keyring.folder}")
