"""What a backup folder holds, as its manifests say: read, and not believed further than it is checked."""

import os
import re
from datetime import datetime
from pathlib import Path

import msgspec

from ropeway.core.canonical import canonical
from ropeway.core.errors import Damaged
from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.keeping.errors import BackupDamaged, NoBackup
from ropeway.store import Store
from ropeway.store.trees import is_inside
from ropeway.workspace.place import HOME

BACKUPS = "backups"
FORMAT = 1
SEGMENT_FOLDERS = ("spool", "segments")
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
    if strange := [path for path in manifest.files if not is_own(path)]:
        raise BackupDamaged(name, [f"'{path[:80]}' leads out of the project" for path in strange])
    return manifest, digest_bytes(data)


def _is_segment(path: str) -> bool:
    """Whether a path of a manifest is one that a backup would have: whoever made it may have been another."""
    return is_inside(path) and path.split("/", maxsplit=1)[0] in SEGMENT_FOLDERS


def is_own(path: str) -> bool:
    """Whether a path can be that of a project's own file: in its folder, and of no tool that runs things."""
    return is_inside(path) and not {HOME, ".git", ".hg", ".venv"} & set(path.split("/"))


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
