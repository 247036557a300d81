"""What the machine gives: a SQLite, a disk, its space, a clock, optional parts."""

import importlib.util
import platform
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePosixPath

from sqlalchemy import select

from ropeway.core.clock import from_text
from ropeway.core.duration import duration_text
from ropeway.keeping.doctor.signs import Sign, Verdict
from ropeway.ledger.database import driver
from ropeway.ledger.database.mounts import MOUNTS, network_type, type_of
from ropeway.ledger.database.sqlite import WAL_RESET_FIXED, needs_checkpoint_under_lock
from ropeway.ledger.tables import event
from ropeway.workspace import Context

FULL_BELOW_BYTES = 1 << 30
EMPTY_BELOW_BYTES = 64 << 20
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


def look_at_sqlite(context: Context) -> Iterator[Sign]:
    """Which SQLite, and whether it has the bug that can spoil a log."""
    version = ".".join(map(str, driver().sqlite_version_info))
    fixed = ".".join(map(str, WAL_RESET_FIXED))
    if not isinstance(context.ledger.place, Path):
        yield Sign(name="SQLite", verdict="ok", says=f"{version}, for checks and backups alone")
    elif needs_checkpoint_under_lock():
        says = f"{version} has the WAL-reset bug (mended in {fixed}); Ropeway works around it"
        yield Sign(name="SQLite", verdict="warn", says=says, next_step="pip install --upgrade pysqlite3")
    else:
        yield Sign(name="SQLite", verdict="ok", says=version)


def look_at_file_system(context: Context) -> Iterator[Sign]:
    """What the workspace lies on: on some, locks and the order of writes cannot be relied on."""
    kind, is_far = file_system_of(context.home), network_type(context.home) is not None
    if is_far and not isinstance(context.ledger.place, Path):
        says = f"{kind}, a network drive: whether runs' points survive a power cut there, only it knows"
        yield Sign(
            name="file system", verdict="warn", says=says, next_step="move the project to a local disk"
        )
    elif is_far:
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
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return type_of(PurePosixPath(path.resolve()), mounts) or ""


def look_at_space(context: Context) -> Iterator[Sign]:
    """How much is free."""
    free = shutil.disk_usage(context.home).free
    says = f"{free / 1e9:,.1f} GB free"
    verdict: Verdict = "fail" if free < EMPTY_BELOW_BYTES else "warn" if free < FULL_BELOW_BYTES else "ok"
    step = "" if verdict == "ok" else "ropeway gc --dry-run   shows what could go"
    yield Sign(name="space", verdict=verdict, says=says, next_step=step)


def look_at_clock(context: Context) -> Iterator[Sign]:
    """Whether it is behind the record."""
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


def look_at_extras(_context: Context) -> Iterator[Sign]:
    """Which Python, and which optional parts."""
    there = {name for name in EXTRAS if importlib.util.find_spec(name) is not None}
    lacking = [f"{name} ({what})" for name, what in EXTRAS.items() if name not in there]
    says = f"Python {platform.python_version()}; " + (
        "without " + ", ".join(lacking) if lacking else "with all optional parts"
    )
    yield Sign(name="installed", verdict="ok", says=says)
