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
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from ropeway.core.canonical import canonical
from ropeway.core.errors import Damaged
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest, new_id
from ropeway.keeping.copier import Copier
from ropeway.keeping.errors import BackupDamaged, CannotBackUp
from ropeway.keeping.liveness import Needs, with_members
from ropeway.keeping.manifest import (
    BACKUPS,
    SEGMENT_FOLDERS,
    BackupReport,
    Kept,
    Manifest,
    is_own,
    listed,
    parts_of,
    read_manifest,
    report_of,
)
from ropeway.keeping.operations import list_collected, note_backup
from ropeway.ledger.tree import size_of
from ropeway.store import Store
from ropeway.store.files import make_private, publish, write_all
from ropeway.tracking.harvest import kept_artifacts
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.project import PROJECT_FILE

CONTRACTS = "contracts"


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
    copier = Copier(target)
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
    return sorted(name for name in names if is_own(name) and (workspace.root / name).is_file())
