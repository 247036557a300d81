"""Where a workspace's ledger is: `$ROPEWAY_LEDGER`, else `ledger` of `[workspace]`, else the folder's file.

Read apart from the other settings: a mistake in one of those must not hide the history.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from ropeway.ledger.database import Place, place_from
from ropeway.ledger.database.place import SQLITE
from ropeway.workspace.errors import ProjectInvalid
from ropeway.workspace.project import PROJECT_FILE

HOME = ".ropeway"
DATABASE = "ledger.db"
VARIABLE = "ROPEWAY_LEDGER"
WORKSPACE = "workspace"
_HEADER = re.compile(r"[ \t]*\[+[ \t]*([^\]]+?)[ \t]*\]")
_SETTING = re.compile(r"[ \t]*ledger[ \t]*=")


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
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # What was moved away says so itself; where there is nothing yet, none may be begun by mistake.
        if is_needed:
            raise ProjectInvalid(path, None, f"this is not TOML: {error}") from error
        return {}
