"""How the workspace is kept: who may look in, what was left over, runs, backups, checks, collections."""

import os
import stat
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from ropeway.core.clock import from_text
from ropeway.keeping.doctor.signs import Sign, Verdict, ago
from ropeway.keeping.erase.projections import erasure
from ropeway.keeping.fsck import LAST_CHECK
from ropeway.keeping.projections import backup, collection
from ropeway.ledger.tree import size_of
from ropeway.store import is_abandoned
from ropeway.tracking.afar.intake import FOLDER as INTAKES
from ropeway.tracking.spool import ASIDE, FOLDER, SUFFIX
from ropeway.workspace import Context

ABANDONED_AFTER_S = 24 * 3600
CHECK_EVERY = timedelta(days=30)
BACKUP_EVERY = timedelta(days=7)
FEW_EVENTS = 50
"""A workspace with fewer is being tried out: nobody expects backups of it."""


def look_at_permissions(context: Context) -> Iterator[Sign]:
    """Who may look into the workspace."""
    status = context.home.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.getuid():
        yield Sign(
            part="workspace",
            name="permissions",
            verdict="warn",
            says="the workspace belongs to somebody else",
            next_step="work under its owner's name, or with a server: ropeway server",
        )
    elif mode & 0o077:
        # Nothing below is reached but through this folder.
        yield Sign(
            part="workspace",
            name="permissions",
            verdict="warn",
            says=f"others on this machine may look into '{context.home}' ({mode:o})",
            next_step=f"chmod 700 {context.home}",
        )
    else:
        yield Sign(
            part="workspace", name="permissions", verdict="ok", says="only you can look into the workspace"
        )


def look_at_leftovers(context: Context) -> Iterator[Sign]:
    """What was cut off in the middle and is still there."""
    oldest = time.time() - ABANDONED_AFTER_S
    left = [path for path in _walk(context.home / "tmp") if path.lstat().st_mtime < oldest]
    half = list(context.root.glob(".ropeway-restoring*"))
    if half:
        yield Sign(
            part="workspace",
            name="leftovers",
            verdict="warn",
            says="a restore was cut off",
            next_step="repeat it, or remove " + str(half[0]),
        )
    elif left:
        size = sum(path.lstat().st_size for path in left)
        says = f"{len(left)} abandoned temporary files, {size / 1e6:,.1f} MB; the next command removes them"
        yield Sign(part="workspace", name="leftovers", verdict="ok", says=says)
    else:
        yield Sign(part="workspace", name="leftovers", verdict="ok", says="none")


def look_at_runs(context: Context) -> Iterator[Sign]:
    """Runs that died unnoticed, and points that a server which died had taken."""
    spools = sorted((context.home / FOLDER).glob(f"run_*{SUFFIX}"))
    dead = [path for path in spools if _is_dead(path)]
    aside = [path for folder in (FOLDER, INTAKES) for path in (context.home / folder / ASIDE).glob("*")]
    left = [path for path in (context.home / INTAKES).glob(f"*{SUFFIX}") if _is_dead(path)]
    if aside:
        yield Sign(
            part="workspace",
            name="runs",
            verdict="fail",
            says=f"{len(aside)} damaged spools are set aside in {aside[0].parent}",
            next_step="ropeway fsck",
        )
    elif dead:
        yield Sign(
            part="workspace",
            name="runs",
            verdict="warn",
            says=f"{len(dead)} runs died and are not closed yet",
            next_step="ropeway runs   closes them, with all that they had logged",
        )
    elif left:
        yield Sign(
            part="workspace",
            name="runs",
            verdict="warn",
            says=f"points that {len(left)} dead servers had taken are not recorded yet",
            next_step="ropeway runs   records them",
        )
    else:
        yield Sign(
            part="workspace", name="runs", verdict="ok", says=f"{len(spools)} at work, none died unnoticed"
        )


def look_at_backups(context: Context) -> Iterator[Sign]:
    """How old the last backup is, and what has happened since."""
    query = select(backup).order_by(backup.c.seq.desc()).limit(1)
    last = context.read.execute(query).first()
    count = size_of(context.read)
    step = "ropeway backup FOLDER   on another disk"
    if last is None:
        verdict: Verdict = "ok" if count < FEW_EVENTS else "warn"
        says = "none was made" + ("; there is little to lose yet" if verdict == "ok" else "")
        yield Sign(
            part="workspace",
            name="backup",
            verdict=verdict,
            says=says,
            next_step="" if verdict == "ok" else step,
        )
        return
    since, behind = context.clock.now() - from_text(last.at), max(0, count - last.last_seq)
    is_old = since > BACKUP_EVERY and behind > FEW_EVENTS
    yield Sign(
        name="backup",
        verdict="warn" if is_old else "ok",
        says=f"{ago(since)}; {behind:,} events since",
        next_step=step if is_old else "",
    )


def look_at_checks(context: Context) -> Iterator[Sign]:
    """When everything was last found sound."""
    stamp = context.store.cache.get(LAST_CHECK)
    try:
        at = None if stamp is None else datetime.fromtimestamp(float(stamp), tz=context.clock.now().tzinfo)
    except (ValueError, OverflowError, OSError):
        at = None
    if at is None:
        yield Sign(
            part="workspace",
            name="check",
            verdict="ok",
            says="fsck has found nothing wrong so far, or was never run",
        )
        return
    since = context.clock.now() - at
    is_old = since > CHECK_EVERY
    step = "ropeway fsck --sample 5%   each day reads everything in twenty" if is_old else ""
    yield Sign(
        name="check",
        verdict="warn" if is_old else "ok",
        says=f"last found sound {ago(since)}",
        next_step=step,
    )


def look_at_collections(context: Context) -> Iterator[Sign]:
    """When something was last thrown away."""
    last = context.read.execute(select(collection.c.at).order_by(collection.c.seq.desc()).limit(1)).scalar()
    says = "nothing was collected so far" if last is None else ago(context.clock.now() - from_text(last))
    yield Sign(part="workspace", name="gc", verdict="ok", says=says)


def look_at_erasures(context: Context) -> Iterator[Sign]:
    """Whether an erasure was cut off."""
    rows = context.read.execute(select(erasure.c.finished_at)).all()
    if any(row.finished_at is None for row in rows):
        says = "one was cut off: what was to go may still be there"
        yield Sign(
            part="workspace", name="erasures", verdict="fail", says=says, next_step="ropeway erase finish"
        )
    elif rows:
        says = f"{len(rows)}, at their end: ropeway erase list"
        yield Sign(part="workspace", name="erasures", verdict="ok", says=says)


def _walk(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _is_dead(path: Path) -> bool:
    try:
        return is_abandoned(path)
    except FileNotFoundError:
        return False
