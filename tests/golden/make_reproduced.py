"""Makes the golden ledger of reproduction: a run done again, and a version whose run differs.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_reproduced tests/golden/format-2-reproduced
"""

import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import told
from tests.keeping.reproduce.halves import lay_halves

from ropeway.keeping.reproduce.reproduce import reproduce
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.workspace import rooms


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    # A run tells of the machine and the command; these stand in for the ones at hand.
    sys.argv = ["ropeway", "run"]
    os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
    with tempfile.TemporaryDirectory(prefix="halves-") as scratch:
        root = Path(scratch) / "project"
        with lay_halves(root, learnt="random.random()") as workspace:
            run = run_pipeline(workspace).run
            reproduce(workspace, run)
            reproduce(workspace, register(workspace, run).ref)
            said = json.dumps(told(workspace), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
        plain = sqlite3.connect(root / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
