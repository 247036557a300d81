"""The code of a run: the project's files as they stand, committed or not, as a tree in the store.

With git: tracked, changed and untracked files, less the ignored ones. Without: the folder's text files. Large
files, and files that look like secrets, stay out and are named. A stat index makes an unchanged project cost
a listing: content is read again only where size, times or inode differ.
"""

import os
import stat
import subprocess
import time
from pathlib import Path, PurePath
from typing import NamedTuple

import msgspec

from ropeway.core.ids import Digest
from ropeway.store import Store
from ropeway.tracking.events import CodeRecord

GIT_FILE_LIMIT_BYTES = 8 << 20
LOOSE_FILE_LIMIT_BYTES = 1 << 20
FILE_COUNT_LIMIT = 5_000
WALK_LIMIT = 50_000
LEFT_OUT_SHOWN = 20
GIT_TIMEOUT_S = 20
SNIFFED_BYTES = 8_192
# A file changed again within one tick of the file system's clock has the same times (git's "racy" entries).
RACY_NS = 2_000_000_000

SKIPPED_FOLDERS = frozenset(
    {
        ".git", ".hg", ".ropeway", ".venv", "node_modules", "site-packages", "__pycache__", ".eggs", ".tox",
        ".nox", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis",
    }
)  # fmt: skip
SECRET_NAMES = frozenset({".env", ".netrc", ".pypirc", ".pgpass", ".git-credentials", "id_rsa", "id_ed25519"})
SECRET_SUFFIXES = frozenset({".pem", ".key", ".p12", ".pfx", ".kdbx"})


class _Known(msgspec.Struct, frozen=True, array_like=True):
    """A file's stat when its content was kept. Without a digest: read and found to be no text."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    digest: Digest | None


class _Listing(NamedTuple):
    """Which files are the project's, and what git says of them."""

    names: list[str]
    has_git: bool
    commit: str = ""
    is_dirty: bool = False
    is_cut: bool = False


def snapshot_code(root: Path, store: Store) -> CodeRecord:
    """Keep the project's files as they stand now; gives the tree and what was left out.

    Args:
        root: the project's folder.
        store: where the files are kept, and the stat index in its cache.
    """
    listing = _list_with_git(root) or _list_by_walking(root)
    key = f"code-snapshot 1 {root}"
    index = _read_index(store, key)
    taken_ns = time.time_ns()
    found: dict[str, _Known] = {}
    left_out = [f"(more than {WALK_LIMIT:,} files in the folder)"] if listing.is_cut else []
    for name in listing.names:
        if len(found) >= FILE_COUNT_LIMIT:
            left_out.append(f"{name} (more than {FILE_COUNT_LIMIT:,} files)")
            continue
        known = _look(root / name, index.get(name), store, listing.has_git)
        if isinstance(known, _Known) and known.digest is not None:
            found[name] = known
        elif isinstance(known, _Known):
            left_out.append(f"{name} (not text)")
        elif known:
            left_out.append(f"{name} ({known})")
    entries = {name: known.digest for name, known in found.items() if known.digest is not None}
    tree = store.put_tree(entries)
    settled = {name: known for name, known in found.items() if taken_ns - known.mtime_ns > RACY_NS}
    if index != settled:
        store.cache.put(key, msgspec.msgpack.encode(settled))
    return CodeRecord(
        tree=tree,
        commit=listing.commit,
        is_dirty=listing.is_dirty,
        left_out=left_out[:LEFT_OUT_SHOWN],
        left_out_count=len(left_out),
    )


def _look(path: Path, known: _Known | None, store: Store, has_git: bool) -> _Known | str:  # noqa: FBT001
    """The file as kept, or the reason why it stays out; an empty reason where there is nothing."""
    try:
        status = path.lstat()
        reason = _reason_to_leave_out(path, status, has_git)
        if reason:
            return reason
        identity = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        if known and (known.size, known.mtime_ns, known.ctime_ns, known.inode) == identity:
            return known
        data = path.read_bytes()
    except FileNotFoundError:
        return ""  # deleted, though git still tracks it
    except OSError as error:
        return error.strerror or "unreadable"
    if not has_git and b"\0" in data[:SNIFFED_BYTES]:
        return _Known(*identity, None)
    return _Known(*identity, store.put(data))


def _reason_to_leave_out(path: Path, status: os.stat_result, has_git: bool) -> str:  # noqa: FBT001
    if stat.S_ISLNK(status.st_mode):
        return "a link"
    if not stat.S_ISREG(status.st_mode):
        return "no plain file"
    if may_hold_secret(path):
        return "may hold a secret"
    limit = GIT_FILE_LIMIT_BYTES if has_git else LOOSE_FILE_LIMIT_BYTES
    if status.st_size > limit:
        return f"{status.st_size:,} bytes, over {limit >> 20} MiB"
    return ""


def may_hold_secret(path: PurePath) -> bool:
    """Whether a file's name is one under which people keep keys and passwords."""
    name = path.name
    return name in SECRET_NAMES or name.startswith(".env.") or path.suffix in SECRET_SUFFIXES


def _read_index(store: Store, key: str) -> dict[str, _Known]:
    """The index of last time; empty when there is none, or the store lost something that it speaks of."""
    data = store.cache.get(key)
    if data is None:
        return {}
    try:
        index = msgspec.msgpack.decode(data, type=dict[str, _Known])
    except msgspec.DecodeError:
        return {}
    is_whole = all(known.digest is None or store.renew(known.digest) for known in index.values())
    return index if is_whole else {}


def _list_with_git(root: Path) -> _Listing | None:
    """The files that git knows or would know; None where git is not, or does not care for this folder."""
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return None
    names = git_output(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    status = git_output(
        root, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--", "."
    )
    if names is None or status is None:
        return None
    listed = sorted({os.fsdecode(name) for name in names.split(b"\0") if name})
    kept = [
        name for name in listed if _is_utf8(name) and not SKIPPED_FOLDERS.intersection(name.split("/")[:-1])
    ]
    # A folder that an outer repository ignores is listed as empty, and would be recorded as such.
    if "ropeway.toml" not in kept:
        return None
    lines = [line for line in status.split(b"\0") if line]
    heads = [
        line.removeprefix(b"# branch.oid ").decode() for line in lines if line.startswith(b"# branch.oid ")
    ]
    commit = heads[0] if heads and heads[0] != "(initial)" else ""
    return _Listing(
        kept, has_git=True, commit=commit, is_dirty=any(not line.startswith(b"# ") for line in lines)
    )


# A repository's own settings may name programs that git starts to look at it; a folder may be anybody's.
_RUNS_NOTHING = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")


def git_output(root: Path, *words: str) -> bytes | None:
    """What git prints; None where it is missing, refuses, or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  fixed words
            ["git", "-C", str(root), *_RUNS_NOTHING, *words],  # noqa: S607  whichever git the user has
            capture_output=True,
            check=True,
            timeout=GIT_TIMEOUT_S,
            # Looking must not write the user's index, nor wait for a lock on it.
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _list_by_walking(root: Path) -> _Listing:
    """The files below a folder, without environments, caches and links to elsewhere."""
    names: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not _is_skipped(Path(folder, name)))
        relative = (Path(folder, name).relative_to(root).as_posix() for name in files)
        names.extend(name for name in relative if _is_utf8(name))
        if len(names) > WALK_LIMIT:
            return _Listing(sorted(names)[:WALK_LIMIT], has_git=False, is_cut=True)
    return _Listing(sorted(names), has_git=False)


def _is_skipped(folder: Path) -> bool:
    return (
        folder.name in SKIPPED_FOLDERS
        or folder.name.endswith(".egg-info")
        or (folder / "pyvenv.cfg").exists()
    )


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
