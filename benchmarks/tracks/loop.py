"""A training loop that logs one metric a step: `python loop.py LIBRARY FOLDER POINTS`; prints JSON.

`calls`: calls a second. `done`: points a second from the first call until the run has ended and all is on
disk. `bytes`: of its folder, for each point.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Log = Callable[[int], Any]
library, folder, points = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])


def trackio() -> tuple[Log, Callable[[], Any]]:
    """Into a SQLite file of its own."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as library

    library.init(project="bench")
    return lambda step: library.log({"loss": 1.0 / (step + 1)}, step=step), library.finish


def wandb() -> tuple[Log, Callable[[], Any]]:
    """Offline, so that nothing is sent anywhere."""
    import wandb as library

    run = library.init(project="bench", mode="offline", dir=folder, settings=library.Settings(silent=True))
    return lambda step: run.log({"loss": 1.0 / (step + 1)}, step=step), run.finish


def aim() -> tuple[Log, Callable[[], Any]]:
    """Into a repository of its own, without a server."""
    from aim import Run

    run = Run(repo=str(folder), log_system_params=False, system_tracking_interval=None)
    return lambda step: run.track(1.0 / (step + 1), name="loss", step=step), run.close


def mlflow() -> tuple[Log, Callable[[], Any]]:
    """Straight into SQLite, without a server."""
    import mlflow as library

    library.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    library.start_run()
    return lambda step: library.log_metric("loss", 1.0 / (step + 1), step=step), library.end_run


def ropeway() -> tuple[Log, Callable[[], Any]]:
    """Into a workspace of its own."""
    from ropeway.testing import make_workspace
    from ropeway.tracking.start import start_run

    run = start_run(make_workspace(folder / "project"), name="loop")
    return lambda step: run.log(step, loss=1.0 / (step + 1)), run.finish


log, finish = {"trackio": trackio, "wandb": wandb, "aim": aim, "mlflow": mlflow, "ropeway": ropeway}[
    library
]()
before = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
log(0)
began = time.perf_counter()
for number in range(1, points):
    log(number)
called = time.perf_counter() - began
finish()
done = time.perf_counter() - began
after = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
print(json.dumps({"calls": points / called, "done": points / done, "bytes": (after - before) / points}))
