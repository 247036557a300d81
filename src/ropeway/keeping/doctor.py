"""What could go wrong here: one look at the machine, the disk, the workspace's files and its habits.

Nothing is changed, nothing is read twice: damage in bytes is for `fsck`. Each sign is `ok`, `warn` (it works,
and may one day not) or `fail` (something is or will be lost), with the next step.
"""

import importlib.util
import os
import platform
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.clock import from_text
from ropeway.core.duration import duration_text
from ropeway.keeping.erase.projections import erasure
from ropeway.keeping.fsck import LAST_CHECK
from ropeway.keeping.projections import backup, collection
from ropeway.ledger import projections
from ropeway.ledger.database import driver
from ropeway.ledger.database.sqlite import WAL_RESET_FIXED, needs_checkpoint_under_lock
from ropeway.ledger.journal import FORMAT
from ropeway.ledger.tables import event, meta
from ropeway.store import is_abandoned
from ropeway.tracking.spool import ASIDE, FOLDER, SUFFIX
from ropeway.workspace import Context

NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smb",
    "smb2",
    "smb3",
    "9p",
    "afs",
    "fuse.sshfs",
    "fuse.s3fs",
    "ceph",
    "glusterfs",
)
"""File systems on which locks or the order of writes cannot be relied on."""
FULL_BELOW_BYTES = 1 << 30
EMPTY_BELOW_BYTES = 64 << 20
ABANDONED_AFTER_S = 24 * 3600
CHECK_EVERY = timedelta(days=30)
BACKUP_EVERY = timedelta(days=7)
QUICKLY_CHECKED = 100_000
"""So many events are looked through in no time."""
FEW_EVENTS = 50
"""A workspace with fewer is being tried out: nobody expects backups of it."""
CLOCK_TOLERANCE = timedelta(minutes=5)
EXTRAS = {
    "pysqlite3": "a current SQLite",
    "sklearn": "scikit-learn",
    "skops": "scikit-learn models in files",
    "onnxruntime": "ONNX",
    "cryptography": "signatures",
    "psycopg": "PostgreSQL",
    "obstore": "S3",
}

Verdict = Literal["ok", "warn", "fail"]


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: what was found, and what to do about it."""

    name: str
    verdict: Verdict
    says: str
    next_step: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All signs, in the order in which one looks."""

    signs: list[Sign]

    @property
    def verdict(self) -> Verdict:
        """The worst of them."""
        found = {sign.verdict for sign in self.signs}
        return "fail" if "fail" in found else "warn" if "warn" in found else "ok"


def examine(context: Context) -> Diagnosis:
    """Look at everything once."""
    looks: tuple[Callable[[Context], Iterator[Sign]], ...] = (
        _sqlite,
        _file_system,
        _space,
        _permissions,
        _clock,
        _format,
        _leftovers,
        _runs,
        _backup,
        _check,
        _collection,
        _erasures,
        _extras,
    )
    return Diagnosis(signs=[sign for look in looks for sign in look(context)])


def _sqlite(_context: Context) -> Iterator[Sign]:
    version = ".".join(map(str, driver().sqlite_version_info))
    fixed = ".".join(map(str, WAL_RESET_FIXED))
    if needs_checkpoint_under_lock():
        says = f"{version} has the WAL-reset bug (mended in {fixed}); Ropeway works around it"
        yield Sign(name="SQLite", verdict="warn", says=says, next_step="pip install --upgrade pysqlite3")
    else:
        yield Sign(name="SQLite", verdict="ok", says=version)


def _file_system(context: Context) -> Iterator[Sign]:
    kind = file_system_of(context.home)
    if kind in NETWORK:
        yield Sign(
            name="file system",
            verdict="fail",
            says=f"the workspace lies on {kind}, where locks and the order of writes cannot be relied on",
            next_step="move the project to a local disk, or work with a server: ropeway server",
        )
    else:
        yield Sign(name="file system", verdict="ok", says=kind or f"of {platform.system()}")


def file_system_of(path: Path) -> str:
    """The kind of file system that a path lies on, as the kernel calls it; empty where it does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found, length = "", -1
    for line in mounts:
        before, _, after = line.partition(" - ")
        point = before.split()[4].replace("\\040", " ")
        is_above = path.resolve().is_relative_to(point)
        # Of two mounts on one point the later one is seen.
        if is_above and len(point) >= length:
            found, length = after.split()[0], len(point)
    return found


def _space(context: Context) -> Iterator[Sign]:
    free = shutil.disk_usage(context.home).free
    says = f"{free / 1e9:,.1f} GB free"
    verdict: Verdict = "fail" if free < EMPTY_BELOW_BYTES else "warn" if free < FULL_BELOW_BYTES else "ok"
    step = "" if verdict == "ok" else "ropeway gc --dry-run   shows what could go"
    yield Sign(name="space", verdict=verdict, says=says, next_step=step)


def _permissions(context: Context) -> Iterator[Sign]:
    status = context.home.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.getuid():
        yield Sign(
            name="permissions",
            verdict="warn",
            says="the workspace belongs to somebody else",
            next_step="work under its owner's name, or with a server: ropeway server",
        )
    elif mode & 0o077:
        # Nothing below is reached but through this folder.
        yield Sign(
            name="permissions",
            verdict="warn",
            says=f"others on this machine may look into '{context.home}' ({mode:o})",
            next_step=f"chmod 700 {context.home}",
        )
    else:
        yield Sign(name="permissions", verdict="ok", says="only you can look into the workspace")


def _clock(context: Context) -> Iterator[Sign]:
    last = context.read.execute(select(event.c.at).order_by(event.c.seq.desc()).limit(1)).scalar()
    now = context.clock.now()
    if last is not None and from_text(last) - now > CLOCK_TOLERANCE:
        behind = duration_text(from_text(last) - now)
        yield Sign(
            name="clock",
            verdict="warn",
            says=f"it is {behind} behind the last event, whose time new events get until it catches up",
            next_step="set the machine's clock, or unset ROPEWAY_CLOCK",
        )
    else:
        yield Sign(name="clock", verdict="ok", says=f"{now:%Y-%m-%d %H:%M} UTC, not behind the record")


def _format(context: Context) -> Iterator[Sign]:
    rows = context.read.execute(select(meta.c.key, meta.c.value))
    known: dict[str, str] = {row.key: row.value for row in rows}
    count = context.read.execute(select(event.c.seq).order_by(event.c.seq.desc()).limit(1)).scalar() or 0
    is_current = known.get("projections") == projections.shape()
    said = context.ledger.problems(context.read) if count < QUICKLY_CHECKED else []
    if said:
        yield Sign(name="ledger", verdict="fail", says=said[0], next_step="ropeway fsck")
    else:
        form = "" if is_current else "; its tables are of another release and will be made again"
        yield Sign(
            name="ledger", verdict="ok", says=f"format {known.get('format', FORMAT)}, {count:,} events{form}"
        )


def _leftovers(context: Context) -> Iterator[Sign]:
    oldest = time.time() - ABANDONED_AFTER_S
    left = [path for path in _walk(context.home / "tmp") if path.lstat().st_mtime < oldest]
    half = list(context.root.glob(".ropeway-restoring*"))
    if half:
        yield Sign(
            name="leftovers",
            verdict="warn",
            says="a restore was cut off",
            next_step="repeat it, or remove " + str(half[0]),
        )
    elif left:
        size = sum(path.lstat().st_size for path in left)
        says = f"{len(left)} abandoned temporary files, {size / 1e6:,.1f} MB; the next command removes them"
        yield Sign(name="leftovers", verdict="ok", says=says)
    else:
        yield Sign(name="leftovers", verdict="ok", says="none")


def _walk(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _runs(context: Context) -> Iterator[Sign]:
    spools = sorted((context.home / FOLDER).glob(f"run_*{SUFFIX}"))
    dead = [path for path in spools if _is_dead(path)]
    aside = list((context.home / FOLDER / ASIDE).glob("*"))
    if aside:
        yield Sign(
            name="runs",
            verdict="fail",
            says=f"{len(aside)} damaged spools of ended runs are set aside in {aside[0].parent}",
            next_step="ropeway fsck",
        )
    elif dead:
        yield Sign(
            name="runs",
            verdict="warn",
            says=f"{len(dead)} runs died and are not closed yet",
            next_step="ropeway runs   closes them, with all that they had logged",
        )
    else:
        yield Sign(name="runs", verdict="ok", says=f"{len(spools)} at work, none died unnoticed")


def _is_dead(path: Path) -> bool:
    try:
        return is_abandoned(path)
    except FileNotFoundError:
        return False


def _backup(context: Context) -> Iterator[Sign]:
    query = select(backup).order_by(backup.c.seq.desc()).limit(1)
    last = context.read.execute(query).first()
    count = _count(context.read)
    step = "ropeway backup FOLDER   on another disk"
    if last is None:
        verdict: Verdict = "ok" if count < FEW_EVENTS else "warn"
        says = "none was made" + ("; there is little to lose yet" if verdict == "ok" else "")
        yield Sign(name="backup", verdict=verdict, says=says, next_step="" if verdict == "ok" else step)
        return
    since, behind = context.clock.now() - from_text(last.at), max(0, count - last.last_seq)
    is_old = since > BACKUP_EVERY and behind > FEW_EVENTS
    yield Sign(
        name="backup",
        verdict="warn" if is_old else "ok",
        says=f"{_ago(since)}; {behind:,} events since",
        next_step=step if is_old else "",
    )


def _check(context: Context) -> Iterator[Sign]:
    stamp = context.store.cache.get(LAST_CHECK)
    try:
        at = None if stamp is None else datetime.fromtimestamp(float(stamp), tz=context.clock.now().tzinfo)
    except (ValueError, OverflowError, OSError):
        at = None
    if at is None:
        yield Sign(name="check", verdict="ok", says="fsck has found nothing wrong so far, or was never run")
        return
    since = context.clock.now() - at
    is_old = since > CHECK_EVERY
    step = "ropeway fsck --sample 5%   each day reads everything in twenty" if is_old else ""
    yield Sign(
        name="check",
        verdict="warn" if is_old else "ok",
        says=f"last found sound {_ago(since)}",
        next_step=step,
    )


def _collection(context: Context) -> Iterator[Sign]:
    last = context.read.execute(select(collection.c.at).order_by(collection.c.seq.desc()).limit(1)).scalar()
    says = "nothing was collected so far" if last is None else _ago(context.clock.now() - from_text(last))
    yield Sign(name="gc", verdict="ok", says=says)


def _erasures(context: Context) -> Iterator[Sign]:
    rows = context.read.execute(select(erasure.c.finished_at)).all()
    if any(row.finished_at is None for row in rows):
        says = "one was cut off: what was to go may still be there"
        yield Sign(name="erasures", verdict="fail", says=says, next_step="ropeway erase finish")
    elif rows:
        yield Sign(name="erasures", verdict="ok", says=f"{len(rows)}, at their end: ropeway erase list")


def _extras(_context: Context) -> Iterator[Sign]:
    there = {name for name in EXTRAS if importlib.util.find_spec(name) is not None}
    lacking = [f"{name} ({what})" for name, what in EXTRAS.items() if name not in there]
    says = f"Python {platform.python_version()}; " + (
        "without " + ", ".join(lacking) if lacking else "with all optional parts"
    )
    yield Sign(name="installed", verdict="ok", says=says)


def _count(read: Connection) -> int:
    return read.execute(select(event.c.seq).order_by(event.c.seq.desc()).limit(1)).scalar() or 0


def _ago(length: timedelta) -> str:
    """How long ago, in the unit that fits."""
    seconds = max(0.0, length.total_seconds())
    for many, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= many:
            count = int(seconds // many)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
