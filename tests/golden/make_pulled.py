"""Makes the golden ledger of a pull: a dataset and a model that came from a remote.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_pulled tests/golden/format-2-pulled
"""

import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import told
from tests.keeping.reproduce.halves import lay_halves

from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.remotes.declare import add_remote
from ropeway.remotes.operations import pull, push
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import rooms


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    # A run tells of the machine and the command; these stand in for the ones at hand.
    sys.argv = ["ropeway", "run"]
    os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
    with tempfile.TemporaryDirectory(prefix="pulled-") as scratch:
        with lay_halves(Path(scratch) / "there", learnt="0.5") as there:
            register(there, run_pipeline(there).run)
            add_remote(there.root, "hub", "../hub")
            push(there, everything=True)
        with make_workspace(Path(scratch) / "here", clock=FixedClock()) as here:
            add_remote(here.root, "hub", "../hub")
            pull(here, everything=True)
            said = json.dumps(told(here), indent=1) + "\n"
            (target / "expected.json").write_text(said, encoding="utf-8")
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
