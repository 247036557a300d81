"""Files of runs and logged models: a name that means other bytes when it is put again.

Bytes never pass through here: a face puts them into the store, and passes the digest. A name is only ever
compared with names on record; nothing on disk is opened by it.
"""

import re
from typing import Any

from sqlalchemy import Connection, Table, or_, select

from ropeway.core.ids import Digest, RunId
from ropeway.tracking.afar.errors import BadFilePath, FileNotThere
from ropeway.tracking.afar.events import (
    LoggedModelFilePut,
    LoggedModelFileRemoved,
    RunFilePut,
    RunFileRemoved,
)
from ropeway.tracking.afar.logged_models import require_logged
from ropeway.tracking.afar.projections import logged_model_file
from ropeway.tracking.afar.records import KeptFile
from ropeway.tracking.afar.runs import require_row, writable_row
from ropeway.tracking.projections import run_artifact
from ropeway.workspace import Context, operation

PATH_BYTES = 1_024
_DRIVE = re.compile(r"[A-Za-z]:")


@operation("runs.put-file", kind="command", permission="runs:write")
def put_run_file(context: Context, *, run: str, path: str, digest: Digest) -> bool:
    """Let a file of a run have these bytes, which are in the store, from now on.

    Raises:
        BadFilePath: no file is kept under that name, or it is a folder, or under a file.
        RunNotFound, NotActive: as for `runs.change`.
    """
    check_path(path)
    size = context.store.size(digest)
    context.begin()
    row = writable_row(context.read, run)
    _require_place(context.read, run_artifact, run_artifact.c.run == row.id, "name", path)
    context.append(RunFilePut(run=RunId(row.id), path=path, digest=digest, size_bytes=size))
    return True


@operation("runs.remove-file", kind="command", permission="runs:write")
def remove_run_file(context: Context, *, run: str, path: str) -> bool:
    """Take a file of a run, or a folder, off the list; history keeps it. Gives whether there was one."""
    check_path(path, may_be_all=True)
    context.begin()
    row = writable_row(context.read, run)
    if not _under(context.read, run_artifact, run_artifact.c.run == row.id, "name", path):
        return False
    context.append(RunFileRemoved(run=RunId(row.id), path=path))
    return True


@operation("runs.files", kind="query", permission="runs:read")
def list_run_files(context: Context, *, run: str, path: str = "") -> list[KeptFile]:
    """Files and folders of a run, one level under a folder; a file by its own name is that file."""
    row = require_row(context.read, run)
    return _level(context.read, run_artifact, run_artifact.c.run == row.id, "name", path)


@operation("logged-models.put-file", kind="command", permission="runs:write")
def put_model_file(context: Context, *, model: str, path: str, digest: Digest) -> bool:
    """Let a file of a logged model have these bytes from now on; see `runs.put-file`."""
    check_path(path)
    size = context.store.size(digest)
    context.begin()
    require_logged(context.read, model)
    where = logged_model_file.c.model == model
    _require_place(context.read, logged_model_file, where, "path", path)
    context.append(LoggedModelFilePut(model=model, path=path, digest=digest, size_bytes=size))
    return True


@operation("logged-models.remove-file", kind="command", permission="runs:write")
def remove_model_file(context: Context, *, model: str, path: str) -> bool:
    """Take a file of a logged model, or a whole folder, off the list; see `runs.remove-file`."""
    check_path(path, may_be_all=True)
    context.begin()
    require_logged(context.read, model)
    where = logged_model_file.c.model == model
    if not _under(context.read, logged_model_file, where, "path", path):
        return False
    context.append(LoggedModelFileRemoved(model=model, path=path))
    return True


@operation("logged-models.files", kind="query", permission="runs:read")
def list_model_files(context: Context, *, model: str, path: str = "") -> list[KeptFile]:
    """Files and folders of a logged model, one level under a folder; see `runs.files`."""
    require_logged(context.read, model)
    where = logged_model_file.c.model == model
    return _level(context.read, logged_model_file, where, "path", path)


def one_file(files: list[KeptFile], owner: str, path: str) -> KeptFile:
    """The file of this name among what a listing of it gave.

    Raises:
        FileNotThere: there is none.
    """
    for each in files:
        if each.path == path and each.digest is not None:
            return each
    raise FileNotThere(owner, path)


def all_files(read: Connection, *, run: str | None = None, model: str | None = None) -> dict[str, Digest]:
    """Every file of a run or of a logged model, by name."""
    if run is not None:
        rows = read.execute(select(run_artifact).where(run_artifact.c.run == run))
        return {row.name: Digest(row.digest) for row in rows}
    rows = read.execute(select(logged_model_file).where(logged_model_file.c.model == model))
    return {row.path: Digest(row.digest) for row in rows}


def check_path(path: str, *, may_be_all: bool = False) -> str:
    """A name of a file as it is kept; whoever downloads may make a file of it.

    Raises:
        BadFilePath: it is absolute, leads upward, or is none on some system.
    """
    parts = path.split("/")
    reason = ""
    if not path:
        reason = "" if may_be_all else "it is empty"
    elif path.startswith("/") or _DRIVE.match(path):
        reason = "it is absolute"
    elif ".." in parts:
        reason = "it leads upward"
    elif "" in parts or "." in parts:
        reason = "a part of it is empty or '.'"
    elif "\\" in path:
        reason = "it has a backslash"
    elif not path.isprintable():
        reason = "it has characters that cannot be printed"
    elif len(path.encode(errors="replace")) > PATH_BYTES:
        reason = f"it is longer than {PATH_BYTES:,} bytes"
    if reason:
        raise BadFilePath(path, reason)
    return path


def _require_place(read: Connection, table: Table, where: Any, column: str, path: str) -> None:
    """A name is a file or a folder, never both: else who downloads could not have both."""
    name = table.c[column]
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    taken = or_(name.in_(above), name.startswith(f"{path}/", autoescape=True))
    if read.execute(select(name).where(where, taken).limit(1)).first() is not None:
        raise BadFilePath(path, "a file stands where it has a folder, or the reverse")


def _under(read: Connection, table: Table, where: Any, column: str, path: str) -> list[Any]:
    name = table.c[column]
    query = select(name.label("path"), table.c.digest, table.c.size_bytes).where(where).order_by(name)
    if path:
        query = query.where(or_(name == path, name.startswith(f"{path}/", autoescape=True)))
    return list(read.execute(query))


def _level(read: Connection, table: Table, where: Any, column: str, path: str) -> list[KeptFile]:
    files: dict[str, KeptFile] = {}
    for row in _under(read, table, where, column, path):
        rest = row.path if not path else row.path[len(path) + 1 :]
        first, slash, _ = rest.partition("/")
        full = row.path if not slash else f"{path}/{first}".lstrip("/")
        if slash:
            files[full] = KeptFile(path=full, size_bytes=0, digest=None)
        else:
            files[full] = KeptFile(path=full, size_bytes=row.size_bytes, digest=Digest(row.digest))
    return [files[name] for name in sorted(files)]
