"""Makes the golden ledger of keeping: holds, a collection, a backup, a restore.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_keeping tests/golden/format-1-keeping
"""

import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from tests.golden.make import told

from ropeway.data.add import add
from ropeway.keeping.backup import back_up
from ropeway.keeping.operations import gc, place_hold, release_hold
from ropeway.keeping.restore import restore
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace, rooms

TOML = '[project]\nname = "mood"\n[retention]\ndataset_versions = 1\n'
LONG_AGO_S = 30 * 86_400


def walk(folder: Path) -> Path:
    """Let it happen; gives the project that was restored."""
    root, clock = folder / "project", FixedClock()
    with make_workspace(root, toml=TOML, clock=clock) as workspace:
        for rows in ("id\n1\n", "id\n1\n2\n"):
            clock.advance(seconds=60)
            (root / "rows.csv").write_text(rows)
            add(workspace, root / "rows.csv", name="rows")
        place_hold(workspace, subject="rows@v1", reason="a claim")
        release_hold(workspace, hold="rows@v1", reason="settled")
        for digest in workspace.store.digests():
            os.utime(workspace.store.open_path(digest), (time.time() - LONG_AGO_S,) * 2)
        gc(workspace)
        clock.advance(seconds=60)
        back_up(workspace, folder / "backups")
        back_up(workspace, folder / "backups")
    restore(folder / "backups", folder / "again", name="latest", actor="ben", clock=clock)
    return folder / "again"


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="mood-") as scratch:
        root = walk(Path(scratch))
        with LocalWorkspace(root, actor="ana", clock=FixedClock()) as workspace:
            said = json.dumps(told(workspace), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
        plain = sqlite3.connect(root / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
