"""`run.log()` calls a second, each safe from `kill -9` on return, beside a bare loop of `write`."""

import os
import struct
from itertools import count

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from ropeway.testing import make_workspace
from ropeway.tracking.start import start_run

SECONDS = 5.0
POINTS = 1_000_000
GOAL_CALLS, GOAL_DURABLE = 400_000, 150_000


def measure(bench: Bench) -> list[Figure]:
    folder, seconds, steps = bench.folder("log"), 0.2 if bench.quick else SECONDS, count()
    descriptor = os.open(folder / "bare.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    pack = struct.Struct("<qqd").pack

    def bare() -> None:
        step = next(steps)
        os.write(descriptor, pack(1_700_000_000_000_000 + step, step, 1.0 / (step + 1)))

    limit = bench.rate(bare, seconds=seconds)
    os.close(descriptor)
    points = bench.times(POINTS, 1_000)
    with make_workspace(folder / "project") as workspace:
        with start_run(workspace, name="rate") as run:

            def log() -> None:
                step = next(steps)
                run.log(step, loss=1.0 / (step + 1))

            ours = bench.rate(log, seconds=seconds)

        def whole() -> None:
            with start_run(workspace, name="whole") as run:
                for step in range(points):
                    run.log(step, loss=1.0 / (step + 1))

        whole_ms = bench.median_ms(whole, times=bench.times(3))
        empty_ms = bench.median_ms(lambda: start_run(workspace, name="empty").finish(), times=bench.times(15))
    return [
        Figure(
            what="run.log(step, loss=…)",
            ours=ours,
            unit="calls/s",
            beside={"pack + write": limit},
            goal=GOAL_CALLS,
            higher_is_better=True,
            note="each safe from kill -9 on return",
        ),
        Figure(
            what=f"a run of {points:,} points, start to sealed end",
            ours=points / whole_ms * 1e3,
            unit="points/s",
            beside={},
            goal=GOAL_DURABLE,
            higher_is_better=True,
            note="durable at the end, code snapshot and environment included",
        ),
        Figure(what="an empty run, start to end", ours=empty_ms, unit="ms", beside={}),
    ]


CASE = Case(name="log", title="Logging metrics", measure=measure)
