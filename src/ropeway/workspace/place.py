"""Where a workspace's ledger is: `$ROPEWAY_LEDGER`, else `ledger` of `[workspace]`, else the folder's file.

And its objects: `$ROPEWAY_STORE`, else `store` of `[workspace]`, else the folder itself.

Read apart from the other settings: a mistake in one of those must not hide the history.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from ropeway.ledger.database import Place, place_from
from ropeway.ledger.database.place import SQLITE
from ropeway.store.errors import LOCAL, BadBackend
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.project import PROJECT_FILE
from ropeway.workspace.tables.remote import FILE, S3, problem_of_url

HOME = ".ropeway"
DATABASE = "ledger.db"
VARIABLE = "ROPEWAY_LEDGER"
STORE_VARIABLE = "ROPEWAY_STORE"
WORKSPACE = "workspace"
_HEADER = re.compile(r"[ \t]*\[+[ \t]*([^\]]+?)[ \t]*\]")
_SETTING = re.compile(r"[ \t]*ledger[ \t]*=")
_last_read: dict[Path, dict[str, Any]] = {}


def ledger_place(home: Path) -> Place:
    """Where the ledger of a workspace is, given its own folder, `.ropeway`.

    Raises:
        LedgerPlaceInvalid: the setting names neither a file nor a PostgreSQL database.
        ProjectInvalid: the project file is no TOML, and there is no ledger in the folder to go by.
    """
    file = home / DATABASE
    data = _settings(home.parent, is_needed=not file.exists())
    project, where = data.get("project"), data.get("workspace")
    name = project.get("name") if isinstance(project, dict) else None
    said = where.get("ledger") if isinstance(where, dict) else None
    text = os.environ.get(VARIABLE) or (said if isinstance(said, str) else "")
    return place_from(text, file, name if isinstance(name, str) else "project")


def store_address(home: Path) -> str:
    """Where the objects of a workspace are, given its own folder: an address; empty for the folder itself.

    Raises:
        BadBackend: the setting names neither a bucket nor a folder.
    """
    where = _settings(home.parent, is_needed=False).get("workspace")
    said = where.get("store") if isinstance(where, dict) else None
    text = os.environ.get(STORE_VARIABLE, "").strip() or (said if isinstance(said, str) else "")
    return normal_address(text, home.parent)


def normal_address(text: str, root: Path) -> str:
    """An address as it is compared: a folder with its whole path, the project's own folder as nothing.

    Raises:
        BadBackend: it names neither a bucket nor a folder, or holds a key.
    """
    if text in ("", LOCAL):
        return ""
    if problem := problem_of_url(text):
        raise BadBackend(text, problem)
    if text.startswith(S3):
        return text.rstrip("/")
    return str((root / Path(text.removeprefix(FILE[:-1])).expanduser()).resolve())


def with_ledger(text: str, ledger: str) -> str:
    """A project file that says where the ledger is; the rest stays as it was written.

    Args:
        text: the project file.
        ledger: as in the setting; empty for the default, the file in the workspace's folder.
    """
    says = [f'ledger = "{ledger}"\n'] if ledger not in ("", SQLITE) else []
    kept, table = [], ""
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        table = header[1] if header else table
        if table != WORKSPACE or not _SETTING.match(line):
            kept.append(line)
        if header and table == WORKSPACE:
            kept += says
            says = []
    return "".join(kept + ([f"\n[{WORKSPACE}]\n", *says] if says else []))


def _settings(root: Path, *, is_needed: bool) -> dict[str, Any]:
    path = root / PROJECT_FILE
    try:
        _last_read[path] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # What runs for long goes by the last settings that could be read: the history has not moved. What was
        # moved away says so itself; where there is nothing yet, none may be begun by mistake.
        if is_needed and path not in _last_read:
            raise ProjectInvalid(path, None, f"this is not TOML: {error}") from error
    return _last_read.get(path, {})
