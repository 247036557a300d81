"""A whole copy of a workspace elsewhere, while it is written to.

A backup folder is a store like any other, and in it one manifest a backup. The ledger, the open segments and
the project's own files are objects there beside the workspace's: what has not changed since the last backup
is there already, a kill leaves objects that the next one uses, and a backup exists once its manifest does.

What is in it: everything that was acknowledged when the write turn was held for a moment. In that moment a
snapshot of the ledger is begun, in SQLite or in PostgreSQL, and every open segment is opened, with its length
noted; the copying, which takes as long as it takes, comes after. A run that ends meanwhile removes its spool,
not the bytes held open.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from ropeway.core.canonical import canonical
from ropeway.core.clock import Clock
from ropeway.core.errors import Damaged
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, new_id
from ropeway.keeping.errors import BackupDamaged, CannotBackUp, NoBackup
from ropeway.keeping.liveness import Needs, with_members
from ropeway.keeping.operations import list_collected, note_backup
from ropeway.ledger.move import copy_to_file
from ropeway.ledger.tree import size_of
from ropeway.store import Store
from ropeway.store.files import make_private, publish, write_all
from ropeway.store.trees import is_inside
from ropeway.tracking.harvest import kept_artifacts
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.place import HOME
from ropeway.workspace.project import PROJECT_FILE

BACKUPS = "backups"
FORMAT = 1
SEGMENT_FOLDERS = ("spool", "segments")
CONTRACTS = "contracts"
PIECE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a backup: an object."""

    digest: Digest
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds; its digest stands in the event that says it was made.

    Attributes:
        format: of the manifest.
        backup: its id.
        project: the project's name.
        made_at: when.
        made_by: who made it.
        last_seq: the last event in it.
        ledger: the history as a SQLite file, wherever it is kept.
        segments: open segments by their path in the workspace.
        files: the project's own files by their path, so that a restored workspace opens.
        objects: the object that lists all others, one digest a line.
        count: how many those are.
        size_bytes: their size together.
        missing: objects that events need and that were not sound when it was made.
    """

    format: int = FORMAT
    backup: str
    project: str
    made_at: datetime
    made_by: str
    last_seq: int
    ledger: Kept
    segments: dict[str, Kept]
    files: dict[str, Kept]
    objects: Kept
    count: int
    size_bytes: int
    missing: list[Digest] = []


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """A backup as people read of it.

    Attributes:
        backup: its id.
        manifest: the digest of its manifest.
        place: the folder.
        made_at: when.
        made_by: who made it.
        project: whose it is.
        last_seq: the last event in it.
        count: how many objects it holds.
        size_bytes: their size together.
        copied_bytes: how much of it was not there before; 0 for one that was only looked at.
        missing: objects that events need and that were not sound when it was made.
    """

    backup: str
    manifest: Digest
    place: str
    made_at: datetime
    made_by: str
    project: str
    last_seq: int
    count: int
    size_bytes: int
    copied_bytes: int = 0
    missing: list[Digest] = []


class _Snapshot(msgspec.Struct):
    """What was held still: the ledger as of `last_seq`, and open files up to a length."""

    last_seq: int
    connection: Connection
    segments: dict[str, tuple[int, int]]


def make_backup(workspace: LocalWorkspace, place: Path) -> BackupReport:
    """Copy the workspace as it stands now; gives what was written, verified.

    Raises:
        CannotBackUp: the folder lies within the workspace, holds something else, or cannot be written.
        BackupDamaged: what was written does not read back.
    """
    target = _open_target(workspace, place)
    name = new_id("backup")
    copier = _Copier(target)
    with _snapshot(workspace) as held:
        ledger = copier.ledger(held.connection, workspace.clock)
        segments = {path: copier.piece(*found) for path, found in sorted(held.segments.items())}
    roots = _needed(workspace, held.last_seq, target, segments)
    gone = {digest for digest in roots if not copier.has_copied(workspace.store, digest)}
    missing = sorted(gone - list_collected(workspace, digests=sorted(gone)).keys())
    whole = sorted(roots.keys() - gone)
    listing = copier.bytes("".join(f"{digest}\n" for digest in whole).encode())
    manifest = Manifest(
        backup=name,
        project=workspace.project.project.name,
        made_at=workspace.clock.now(),
        made_by=workspace.actor_name,
        last_seq=held.last_seq,
        ledger=ledger,
        segments=segments,
        files={path: copier.file(workspace.root / path) for path in _own_files(workspace)},
        objects=listing,
        count=len(whole),
        size_bytes=sum(target.size(digest) for digest in whole),
        missing=missing,
    )
    copier.read_back()
    data = canonical(manifest)
    folder = place / BACKUPS
    folder.mkdir(mode=0o700, exist_ok=True)
    publish(folder / f"{name}.json", place / "tmp", lambda to: write_all(to, data), durable=True, mode=0o400)
    return report_of(place, manifest, digest_bytes(data), copied_bytes=copier.copied_bytes)


def back_up(workspace: LocalWorkspace, place: Path) -> BackupReport:
    """Make a backup of a workspace and put that on record; see `make_backup`."""
    made = make_backup(workspace, place)
    note_backup(
        workspace,
        backup=made.backup,
        last_seq=made.last_seq,
        manifest=made.manifest,
        count=made.count,
        size_bytes=made.size_bytes,
        place=str(place.resolve()),
    )
    return made


def report_of(place: Path, manifest: Manifest, digest: Digest, *, copied_bytes: int = 0) -> BackupReport:
    """A manifest as people read it."""
    return BackupReport(
        backup=manifest.backup,
        manifest=digest,
        place=str(place),
        made_at=manifest.made_at,
        made_by=manifest.made_by,
        project=manifest.project,
        last_seq=manifest.last_seq,
        count=manifest.count,
        size_bytes=manifest.size_bytes,
        copied_bytes=copied_bytes,
        missing=manifest.missing,
    )


def list_backups(place: Path) -> list[BackupReport]:
    """The backups in a folder, oldest first.

    Raises:
        NoBackup: there is none.
        BackupDamaged: a manifest does not read.
    """
    _require_plain(place)
    found = [_read_manifest(place, path.stem) for path in (place / BACKUPS).glob("backup_*.json")]
    if not found:
        raise NoBackup("", place)
    reports = [report_of(place, manifest, digest) for manifest, digest in found]
    return sorted(reports, key=lambda each: (each.made_at, each.last_seq))


def read_manifest(place: Path, name: str) -> tuple[Manifest, Digest]:
    """A backup's manifest and its digest; with the name `latest`, the newest one's.

    Raises:
        NoBackup: there is none of that name.
        BackupDamaged: it does not read, or something there is no file.
    """
    _require_plain(place)
    return _read_manifest(place, list_backups(place)[-1].backup if name == "latest" else name)


def _require_plain(place: Path) -> None:
    """A pipe where a file should be keeps its reader waiting for ever, a device gives bytes without end."""
    folders = [str(place)] if place.is_dir() else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif Path(entry.path).exists() and not (entry.is_file() or entry.is_dir()):
                    shown = Path(entry.path).relative_to(place)
                    raise BackupDamaged(place.name, [f"'{shown}' is a device, a pipe or a socket"])


def _read_manifest(place: Path, name: str) -> tuple[Manifest, Digest]:
    if not _NAME.fullmatch(name):
        raise NoBackup(name, place, [path.stem for path in (place / BACKUPS).glob("*.json")])
    try:
        data = (place / BACKUPS / f"{name}.json").read_bytes()
    except FileNotFoundError as error:
        raise NoBackup(name, place, [path.stem for path in (place / BACKUPS).glob("*.json")]) from error
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupDamaged(name, [f"its manifest does not read ({error})"]) from error
    if canonical(manifest) != data or manifest.backup != name:
        raise BackupDamaged(name, ["its manifest is not as it was written"])
    if strange := [path for path in manifest.segments if not _is_segment(path)]:
        raise BackupDamaged(name, [f"'{path[:80]}' is no segment's name" for path in strange])
    if strange := [path for path in manifest.files if not _is_own(path)]:
        raise BackupDamaged(name, [f"'{path[:80]}' leads out of the project" for path in strange])
    return manifest, digest_bytes(data)


def _is_segment(path: str) -> bool:
    """Whether a path of a manifest is one that a backup would have: whoever made it may have been another."""
    return is_inside(path) and path.split("/", maxsplit=1)[0] in SEGMENT_FOLDERS


def _is_own(path: str) -> bool:
    """Whether a path can be that of a project's own file: in its folder, and of no tool that runs things."""
    return is_inside(path) and not {HOME, ".git", ".hg", ".venv"} & set(path.split("/"))


def verify_backup(place: Path, name: str) -> BackupReport:
    """Read every byte of a backup from the disk and hold it against its digest.

    Raises:
        NoBackup: there is none of that name.
        BackupDamaged: something in it is not what was written.
    """
    manifest, digest = read_manifest(place, name)
    store = Store(place)
    found: list[str] = []
    for each in sorted({*parts_of(manifest), *listed(store, manifest, found)}):
        try:
            store.verify(each)
        except Damaged as error:
            found.append(error.what)
    if found:
        raise BackupDamaged(name, found)
    return report_of(place, manifest, digest)


def parts_of(manifest: Manifest) -> list[Digest]:
    """The objects that are the backup's own: ledger, segments, files, list."""
    kept = (manifest.ledger, manifest.objects, *manifest.segments.values(), *manifest.files.values())
    return [each.digest for each in kept]


def listed(store: Store, manifest: Manifest, found: list[str]) -> list[Digest]:
    """The workspace's objects in a backup; what is wrong with the list goes to `found`."""
    try:
        return [Digest(line) for line in store.read(manifest.objects.digest).decode().splitlines()]
    except (Damaged, UnicodeDecodeError) as error:
        found.append(str(error).splitlines()[0])
        return []


def _open_target(workspace: LocalWorkspace, place: Path) -> Store:
    """The folder as a store: new or empty, or one that holds backups."""
    try:
        if place.resolve().is_relative_to(workspace.home.resolve()):
            raise CannotBackUp(str(place), "it lies within the workspace itself")
        make_private(place)
        others = {path.name for path in place.iterdir()} - {
            BACKUPS,
            "objects",
            "packs",
            "tmp",
            "cache",
        }
        if others:
            raise CannotBackUp(str(place), f"it holds something else ('{min(others)}')")
        return Store(place)
    except OSError as error:
        raise CannotBackUp(str(place), error.strerror or str(error)) from error


@contextlib.contextmanager
def _snapshot(workspace: LocalWorkspace) -> Iterator[_Snapshot]:
    """Hold the writers for a moment, and then what was there for as long as the copying takes."""
    with contextlib.ExitStack() as stack:
        segments: dict[str, tuple[int, int]] = {}
        with workspace.ledger.transaction(alone=True):
            connection = stack.enter_context(workspace.ledger.reading())
            last_seq = size_of(connection)
            for path in _open_segments(workspace.home):
                try:
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:
                    continue  # all of it was in the ledger before the turn began, or it would still be here
                stack.callback(os.close, descriptor)
                segments[str(path.relative_to(workspace.home))] = (descriptor, os.fstat(descriptor).st_size)
        yield _Snapshot(last_seq=last_seq, connection=connection, segments=segments)


def _open_segments(home: Path) -> list[Path]:
    files = (path for folder in SEGMENT_FOLDERS for path in (home / folder).rglob("*"))
    return sorted(path for path in files if path.is_file() and not path.name.startswith("."))


def _needed(
    workspace: LocalWorkspace, last_seq: int, target: Store, segments: Mapping[str, Kept]
) -> dict[Digest, str]:
    """Every object that an event up to `last_seq` or an open segment refers to, with what trees hold."""
    needs = Needs()
    with workspace.ledger.reading() as connection:
        needs.read(workspace.ledger, connection, last=last_seq)
    roots: dict[Digest, str] = dict.fromkeys(needs.by_object, "")
    for path, kept in segments.items():
        if path.startswith("spool/"):
            kept_then, _ = kept_artifacts(target.open_path(kept.digest))
            roots |= dict.fromkeys(kept_then, "")
    return with_members(workspace.store, roots, needs)


def _own_files(workspace: LocalWorkspace) -> Iterable[str]:
    """The project file, what it names, and the contracts: those that are there."""
    contracts = (path.relative_to(workspace.root) for path in (workspace.root / CONTRACTS).rglob("*"))
    names = {PROJECT_FILE, *workspace.project.own_files, *map(str, contracts)}
    return sorted(name for name in names if _is_own(name) and (workspace.root / name).is_file())


class _Copier:
    """Puts things into a backup's store, and counts what was new."""

    def __init__(self, target: Store) -> None:
        self._target = target
        self._written: list[Digest] = []
        self.copied_bytes = 0

    def ledger(self, connection: Connection, clock: Clock) -> Kept:
        """The history as the snapshot sees it, as one SQLite file, wherever it is kept."""
        # Not in the backup's folder, which may lie where no ledger may be opened: a network drive.
        with tempfile.TemporaryDirectory(prefix="ropeway-backup-") as scratch:
            path = Path(scratch) / "ledger.db"
            copy_to_file(connection, path, clock)
            return self.file(path)

    def piece(self, descriptor: int, length: int) -> Kept:
        """The first bytes of an open file, as many as it had when it was opened."""
        path = self._target.scratch / new_id("piece")
        try:
            with path.open("xb") as copy:
                for offset in range(0, length, PIECE_BYTES):
                    copy.write(os.pread(descriptor, min(PIECE_BYTES, length - offset), offset))
            return self.file(path)
        finally:
            path.unlink(missing_ok=True)

    def file(self, path: Path) -> Kept:
        """A file."""
        size = path.stat().st_size
        return Kept(digest=self._note(self._target.put_file(path), size), size_bytes=size)

    def bytes(self, data: bytes) -> Kept:
        """Some bytes."""
        return Kept(digest=self._note(self._target.put(data), len(data)), size_bytes=len(data))

    def has_copied(self, source: Store, digest: Digest) -> bool:
        """Bring an object that is not there yet; False where it is missing or damaged."""
        if self._target.has(digest):
            return True
        try:
            path = source.open_path(digest)
            size = path.stat().st_size
            return self._note(self._target.put_file(path), size) == digest
        except (Damaged, FileNotFoundError):
            return False

    def read_back(self) -> None:
        """Read what was written from the disk again.

        Raises:
            BackupDamaged: it is not what was written.
        """
        found = []
        for digest in self._written:
            try:
                self._target.verify(digest)
            except Damaged as error:
                found.append(error.what)
        if found:
            raise BackupDamaged("that was being made", found)

    def _note(self, digest: Digest, size: int) -> Digest:
        self._written.append(digest)
        self.copied_bytes += size
        return digest
