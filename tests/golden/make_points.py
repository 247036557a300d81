"""Makes the golden ledger of points: sealed ones, such as wait, and how far their sender had come.

Run once for a released format, never again for the same one:

    python -m tests.golden.make_points tests/golden/format-3-points

Beside the ledger lies the segment that was sealed (`segment`): every release reads it, for ever.
"""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.golden.make import told

from ropeway.testing import FixedClock, make_workspace
from ropeway.tracking.batches import log_points
from ropeway.tracking.events import PointsSealed
from ropeway.tracking.seal import seal_points
from ropeway.tracking.series import NO_STEP, columns
from ropeway.tracking.start import start_run
from ropeway.workspace import LocalWorkspace, rooms


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    # A run tells of the machine and the command; these stand in for the ones at hand.
    sys.argv = ["ropeway", "run"]
    os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
    with tempfile.TemporaryDirectory(prefix="points-") as scratch:
        with make_workspace(Path(scratch) / "here", clock=FixedClock()) as here:
            run = start_run(here, name="from afar")
            run.finish()
            _send(here, run.id, first=0)
            seal_points(here, run=run.id)
            _send(here, run.id, first=50)
            (target / "expected.json").write_text(json.dumps(told(here), indent=1) + "\n", encoding="utf-8")
            with here.ledger.reading() as connection:
                [sealed] = [
                    fact.event
                    for fact in here.ledger.facts(connection)
                    if isinstance(fact.event, PointsSealed)
                ]
            shutil.copyfile(here.store.open_path(sealed.segment), target / "segment")
        plain = sqlite3.connect(Path(scratch) / "here" / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


def _send(workspace: LocalWorkspace, run: str, *, first: int) -> None:
    """A hundred points: `loss` by steps, `odd` with what is no number and without a step."""
    numbers = range(first, first + 50)
    odd = [float("nan"), float("inf"), float("-inf"), -0.0, 5e-324]
    rows = columns(
        ["loss", "odd / ключ"] * 50,
        [value for step in numbers for value in (1 / (step + 1), odd[step % 5])],
        [1_700_000_000_000_000 + 10 * step for step in numbers for _ in range(2)],
        [value for step in numbers for value in (step, NO_STEP)],
    )
    log_points(
        workspace,
        run=run,
        keys=rows.keys,
        key=rows.key.tobytes(),
        values=rows.value.tobytes(),
        times=rows.at_us.tobytes(),
        steps=rows.step.tobytes(),
        source="spool_of_another",
        upto=first + 50,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
