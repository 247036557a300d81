"""A process that reconciles without end, to be killed: `python reconcile_process.py FOLDER MOMENT`."""

import importlib
import sys
from datetime import datetime
from pathlib import Path

from ropeway.continuous.rollouts.reconcile import reconcile
from ropeway.testing import FixedClock
from ropeway.workspace import LocalWorkspace

clock = FixedClock(datetime.fromisoformat(sys.argv[2]))
with LocalWorkspace(Path(sys.argv[1]), actor="controller", clock=clock) as workspace:
    for name in ("polars", "ropeway.predictions.history", "ropeway.stats.sequential.verdict"):
        importlib.import_module(name)
    print("ready", flush=True)
    while True:
        reconcile(workspace)
