"""Makes the golden ledger of a run of two processes: the second says things too, one of them otherwise.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_parts tests/golden/format-3-parts
"""

import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import told

from ropeway.core.ids import RunId
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.events import ArtifactRecord
from ropeway.tracking.operations import start, tell_part
from ropeway.tracking.start import opening
from ropeway.workspace import rooms


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    # A run tells of the machine and the command; these stand in for the ones at hand.
    sys.argv = ["ropeway", "run"]
    os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
    with tempfile.TemporaryDirectory(prefix="parts-") as scratch:
        with make_workspace(Path(scratch) / "here", clock=FixedClock()) as here:
            run = RunId("run_shared")
            start(here, run=run, **opening(here.root, here.store, name="shared", params={"c": 1}))
            digest = here.store.put(b"what I saw")
            tell_part(
                here,
                run=run,
                part="rank1_7",
                params={"c": 2, "depth": 3},
                tags={"host": "b"},
                artifacts={"notes.txt": ArtifactRecord(digest=digest, size_bytes=10)},
                inputs=[f"run:{run}"],
            )
            (target / "expected.json").write_text(json.dumps(told(here), indent=1) + "\n", encoding="utf-8")
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
