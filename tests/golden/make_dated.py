"""Makes the golden ledger of a run that came late: it waited to be brought, and says when it was.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_dated tests/golden/format-3-dated
"""

import json
import os
import sqlite3
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from tests.golden.make import told

from ropeway.core.ids import RunId
from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.events import Harvest
from ropeway.tracking.operations import finish, start
from ropeway.tracking.start import opening
from ropeway.workspace import rooms


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    # A run tells of the machine and the command; these stand in for the ones at hand.
    sys.argv = ["ropeway", "run"]
    os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
    with tempfile.TemporaryDirectory(prefix="dated-") as scratch:
        with make_workspace(Path(scratch) / "here", clock=FixedClock()) as here:
            began, run = here.clock.now() - timedelta(hours=2), RunId("run_late")
            start(here, run=run, began_at=began, **opening(here.root, here.store, name="late"))
            finish(
                here,
                run=run,
                status="finished",
                harvest=Harvest(),
                wall_s=3600.0,
                cpu_s=1.0,
                peak_memory_bytes=1 << 20,
                ended_at=began + timedelta(hours=1),
            )
            (target / "expected.json").write_text(json.dumps(told(here), indent=1) + "\n", encoding="utf-8")
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
