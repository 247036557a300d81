"""Makes the golden ledger of erasure: a person's name, a run's values, somebody's rows and their predictions.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_erased tests/golden/format-2-erased
"""

import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import told
from tests.predictions.written import answers

from ropeway.data.add import add
from ropeway.keeping.erase.operations import erase_events, erase_person, erase_rows, purge_remote
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run
from ropeway.workspace import rooms
from ropeway.workspace.operations import list_events

WHO = "Zoe the Subject"


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    sys.argv = ["ropeway", "run"]
    os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
    with tempfile.TemporaryDirectory(prefix="erased-") as scratch:
        root = Path(scratch) / "project"
        make_workspace(root, actor="zoe").close()
        with make_workspace(root, actor="zoe") as workspace, start_run(workspace, params={"who": WHO}) as run:
            run.log(loss=0.5)
        with make_workspace(root) as workspace:
            rows = root / "people.csv"
            rows.write_text(f"id,text\n1,fine\n2,{WHO}\n", encoding="utf-8")
            add(workspace, rows, name="people", key=["id"])
            rows.unlink()
            answers(workspace.home, 2, row={"text": WHO})
            answers(workspace.home, 2)
            number = next(each.seq for each in list_events(workspace) if each.verb == "run-started")
            erase_events(workspace, events=[str(number)], request="R-1")
            erase_person(workspace, name="zoe", request="R-2")
            erase_rows(workspace, dataset="people", keys=["2"], request="R-3")
            remote = root / "remote"
            remote.mkdir()
            toml = root / "ropeway.toml"
            toml.write_text(toml.read_text() + '\n[remote.origin]\nurl = "remote"\n', encoding="utf-8")
            purge_remote(workspace)
            said = json.dumps(told(workspace), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
        plain = sqlite3.connect(root / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
