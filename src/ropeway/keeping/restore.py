"""A workspace made again from a backup: whole or not at all.

It is built beside its place under another name, every object held against its digest on the way, the event
that says so is appended, `fsck` finds it sound, and then it is renamed. A kill before that leaves a folder
that the next restore clears away. A workspace that stood there is never thrown away: the two change places in
one step, and the old one stays beside, under a name that says when.
"""

import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy.exc import DBAPIError

from ropeway.core.clock import Clock, SystemClock
from ropeway.core.errors import Damaged, RopewayError
from ropeway.keeping.errors import BackupDamaged, WorkspaceThere
from ropeway.keeping.manifest import Kept, Manifest, listed, read_manifest
from ropeway.keeping.operations import fsck, note_restored
from ropeway.ledger import Ledger
from ropeway.ledger.database import Place, PostgresPlace, peek, place_from
from ropeway.ledger.database.place import SQLITE
from ropeway.ledger.lock import WriteLock
from ropeway.ledger.move import copy, require_empty
from ropeway.ledger.tree import size_of
from ropeway.store import Store
from ropeway.store.exchange import exchange
from ropeway.store.files import make_private, publish, sync_folder, write_all
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.place import DATABASE, HOME, ledger_place, store_address, with_ledger
from ropeway.workspace.project import PROJECT_FILE

BUILDING = ".ropeway-restoring"
"""Beside the place: what is not yet whole. Nothing opens it, and the next restore begins with clearing it."""
SET_ASIDE = ".ropeway-before-restore"


class Restoration(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored.

    Attributes:
        backup: the backup's id.
        made_at: when it was made.
        last_seq: the last event in it; the event `restored` follows.
        folder: the project's folder now.
        objects: how many were brought.
        size_bytes: their size together.
        missing: objects that were missing already when the backup was made.
        files: the project's own files that were not there and were written.
        set_aside: the folder in which the workspace is that stood there; empty where there was none.
        ledger: where the history is now: `sqlite`, or a URL without its password.
        must_say: whether the project file there names another place, and has to be told.
        store: where the project file says that the objects are; they must be moved there first.
    """

    backup: str
    made_at: datetime
    last_seq: int
    folder: str
    objects: int
    size_bytes: int
    missing: int
    files: list[str]
    set_aside: str = ""
    ledger: str = SQLITE
    must_say: bool = False
    store: str = ""


def restore(
    place: Path,
    root: Path,
    *,
    name: str,
    actor: str,
    replace: bool = False,
    ledger: str = "",
    clock: Clock | None = None,
) -> Restoration:
    """Make the workspace of `root` from a backup.

    Args:
        place: the folder that holds the backup.
        root: the project's folder; made when absent.
        name: which backup, or `latest`.
        actor: who restores, for the event.
        replace: let it take the place of a workspace that is there, which is set aside.
        ledger: where the history goes: `sqlite`, or the URL of an empty schema of a PostgreSQL database; as
            the project that is there has it when empty.
        clock: where times come from.

    Raises:
        NoBackup: there is none of that name.
        BackupDamaged: something in it is not what was written; nothing was changed.
        WorkspaceThere: the folder has a workspace, and `replace` was not said.
        TargetNotEmpty: the schema has a history already.
    """
    manifest, digest = read_manifest(place, name)
    home, clock = root / HOME, clock or SystemClock()
    target = place_from(ledger, home / DATABASE, manifest.project) if ledger else ledger_place(home)
    if isinstance(target, PostgresPlace):
        require_empty(target)
    replaced = _events_of(home)
    if home.exists() and not replace:
        raise WorkspaceThere(root, replaced)
    make_private(root)
    site = _Site(root, Store(place), manifest, target, ledger)
    brought = _build(site)
    with LocalWorkspace(
        site.folder, actor=actor, clock=clock, place=site.file, store=Store(site.home)
    ) as workspace:
        note_restored(
            workspace,
            backup=manifest.backup,
            last_seq=manifest.last_seq,
            manifest=digest,
            made_at=manifest.made_at,
            replaced_seq=replaced,
            place=str(place),
        )
        _hold_to_account(workspace, manifest)
    files = _write_files(site)
    if isinstance(target, PostgresPlace):
        _hand_over(site.file, target, clock)
    aside = _put_in_place(site.home, home)
    shutil.rmtree(site.folder, ignore_errors=True)
    return _told(site, brought, files, aside)


class _Site(NamedTuple):
    """Where a workspace is built beside its place, out of which backup, and where its history goes then."""

    root: Path
    source: Store
    manifest: Manifest
    target: Place
    ledger: str
    """Where the history goes, as it was asked for; empty: as the project has it."""

    @property
    def folder(self) -> Path:
        return self.root / BUILDING

    @property
    def home(self) -> Path:
        return self.folder / HOME

    @property
    def file(self) -> Path:
        """The ledger while it is built: always a file."""
        return self.home / DATABASE


def _told(site: _Site, brought: int, files: list[str], aside: Path | None) -> Restoration:
    """What was done, once everything is in its place."""
    manifest, home = site.manifest, site.root / HOME
    return Restoration(
        backup=manifest.backup,
        made_at=manifest.made_at,
        last_seq=manifest.last_seq,
        folder=str(site.root),
        objects=brought,
        size_bytes=manifest.size_bytes,
        missing=len(manifest.missing),
        files=files,
        set_aside="" if aside is None else str(aside),
        ledger=site.target.name if isinstance(site.target, PostgresPlace) else SQLITE,
        must_say=ledger_place(home) != site.target,
        store=store_address(home),
    )


def _build(site: _Site) -> int:
    """The workspace of the backup, in a folder that is cleared first; gives how many objects it has."""
    shutil.rmtree(site.folder, ignore_errors=True)
    brought = _bring(site.source, site.manifest, site.home)
    project = site.folder / PROJECT_FILE
    _write(site.source, site.manifest.files[PROJECT_FILE], project, site.home / "tmp")
    _say_where(project, site.ledger)
    _require_place(site)
    return brought


def _say_where(project: Path, ledger: str) -> None:
    """The project file, with the place of the ledger that was asked for."""
    project.write_text(with_ledger(project.read_text(encoding="utf-8-sig"), ledger), encoding="utf-8")


def _require_place(site: _Site) -> None:
    """A project file out of a backup must not lead the next command to a ledger that nobody named."""
    # Of a file it is the place within the folder that counts, and this one is still in the other folder.
    place = site.target if isinstance(site.target, PostgresPlace) else site.file
    is_needed = not (site.root / PROJECT_FILE).exists()
    if is_needed and ledger_place(site.home) != place:
        says = "its project file, or $ROPEWAY_LEDGER, says that the ledger is elsewhere"
        raise BackupDamaged(site.manifest.backup, [says])


def _bring(source: Store, manifest: Manifest, home: Path) -> int:
    """Objects, segments and ledger, each verified; gives how many objects."""
    make_private(home)
    target = Store(home)
    found: list[str] = []
    digests = listed(source, manifest, found)
    for digest in digests:
        try:
            target.put_file(source.open_path(digest))
        except Damaged as error:
            found.append(error.what)
    if found:
        raise BackupDamaged(manifest.backup, found)
    try:
        for path, kept in manifest.segments.items():
            _write(source, kept, home / path, target.scratch)
        _write(source, manifest.ledger, home / DATABASE, target.scratch)
    except Damaged as error:
        raise BackupDamaged(manifest.backup, [error.what]) from error
    return len(digests)


def _write(source: Store, kept: Kept, path: Path, scratch: Path) -> None:
    """One file, durable."""
    opened = source.open_path(kept.digest)
    make_private(path.parent)

    def fill(descriptor: int) -> None:
        with opened.open("rb") as content:
            while block := content.read(1 << 20):
                write_all(descriptor, block)

    publish(path, scratch, fill, durable=True, mode=0o600)


def _write_files(site: _Site) -> list[str]:
    """The project's own files that are not there; none that is there is touched."""
    absent = [path for path in sorted(site.manifest.files) if not (site.root / path).exists()]
    for path in absent:
        _write(site.source, site.manifest.files[path], site.root / path, site.home / "tmp")
        (site.root / path).chmod(0o644)
    if PROJECT_FILE in absent:
        _say_where(site.root / PROJECT_FILE, site.ledger)
    return absent


def _hold_to_account(workspace: LocalWorkspace, manifest: Manifest) -> None:
    """Nothing is put in place that is not sound, but for what was missing before."""
    known = set(manifest.missing)
    found = [each.what for each in fsck(workspace).findings if each.digest not in known]
    if found and not known:
        raise BackupDamaged(manifest.backup, found)


def _hand_over(file: Path, target: PostgresPlace, clock: Clock) -> None:
    """The history that was found sound in a file, into its schema, whole or not; then the file goes."""
    made = Ledger(file, clock)
    try:
        with made.reading() as connection:
            copy(connection, target, clock)
    finally:
        made.close()
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()


def _events_of(home: Path) -> int | None:
    """The last event of a workspace; None where there is none, or none that reads."""
    try:
        with peek(ledger_place(home)) as connection:
            return None if connection is None else size_of(connection)
    except (RopewayError, DBAPIError):
        return None


def _put_in_place(built: Path, home: Path) -> Path | None:
    """Rename, or change places with what stands there; gives where that is then."""
    if not home.exists():
        built.rename(home)
        sync_folder(home.parent)
        return None
    number = 1
    while (aside := home.with_name(f"{SET_ASIDE}-{number}")).exists():
        number += 1
    # Before the exchange: a kill after it finds the old one under its name, where nothing clears it away.
    built.rename(aside)
    # Whoever is writing finishes first; who comes later opens the new one.
    lock = WriteLock(home / "write.lock")
    lock.acquire()
    try:
        exchange(aside, home)
    finally:
        lock.release()
    return aside
