"""Drift of 200,000 rows against 200,000 (15 numbers, 5 categories), beside evidently and a numpy limit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import environments
from benchmarks.bench import Bench, CaseFailed
from benchmarks.case import Case, Figure

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

HERE = Path(__file__).resolve().parents[1] / "drift"
ROWS = 200_000
NUMBERS, CATEGORIES = 15, 5
TIMES_FASTER = 20
MEMORY_ROWS = (50_000, 200_000, 800_000)
FLAT = 1.1


def measure(bench: Bench) -> list[Figure]:
    import numpy as np

    from ropeway.stats.drift.frames import drift_frames
    from ropeway.stats.drift.marginal import drift_between
    from ropeway.stats.profile import profile

    rows, times, folder = bench.times(ROWS, 5_000), bench.times(7, 2), bench.folder("drift")
    generator = np.random.default_rng(0)
    before, after = (_frame(generator, rows, shift) for shift in (0.0, 0.05))
    for name, frame in (("before", before), ("after", after)):
        frame.write_parquet(folder / f"{name}.parquet")
    kinds = {name: "number" if name.startswith("n") else "category" for name in before.columns}
    numbers = [
        frame[name].to_numpy() for frame in (before, after) for name in kinds if kinds[name] == "number"
    ]
    profiles = [profile(frame, kinds) for frame in (before, after)]
    exact_s = bench.median_ms(lambda: drift_frames(before, after, kinds), times=times) / 1e3
    sketch_s = bench.median_ms(lambda: drift_between(*profiles), times=times) / 1e3
    limit_s = bench.median_ms(lambda: [np.sort(column) for column in numbers], times=times) / 1e3
    theirs = _evidently(bench, folder)
    peers: dict[str, float | str] = (
        {"evidently": theirs}
        if isinstance(theirs, str)
        else {f"evidently, {k}": v for k, v in theirs.items()}
    )
    quickest = None if isinstance(theirs, str) else min(theirs.values())
    return [
        Figure(
            what=f"drift of two frames, {rows:,} x {NUMBERS + CATEGORIES} each",
            ours=exact_s,
            unit="s",
            beside={**peers, "numpy.sort of the numbers": limit_s},
            goal=None if quickest is None else quickest / TIMES_FASTER,
            note="KS, Wasserstein, PSI and Jensen-Shannon of every number, chi-square of every category"
            + ("" if quickest is None else f"; {quickest / exact_s:.0f} x as fast as the peer's quicker way"),
        ),
        Figure(
            what="drift of two profiles of them",
            ours=sketch_s,
            unit="s",
            beside=peers,
            note="the profiles are made while rows come: see the sketches' own figures",
        ),
        _memory(bench),
    ]


def _frame(generator: "np.random.Generator", rows: int, shift: float) -> "pl.DataFrame":
    import numpy as np
    import polars as pl

    columns: dict[str, object] = {f"n{k}": generator.normal(shift * (k % 3), 1, rows) for k in range(NUMBERS)}
    for k in range(CATEGORIES):
        names = np.array([f"value {each}" for each in range(10 * (k + 1))])
        columns[f"c{k}"] = names[generator.integers(0, len(names), rows)]
    return pl.DataFrame(columns)


def _evidently(bench: Bench, folder: Path) -> dict[str, float] | str:
    peer = bench.peer("evidently")
    if isinstance(peer, str):
        return peer
    words = [str(folder / "before.parquet"), str(folder / "after.parquet"), str(bench.times(3))]
    found: dict[str, float] = json.loads(_output([peer.python, str(HERE / "evidently_drift.py"), *words]))
    return found


def _memory(bench: Bench) -> Figure:
    sizes = MEMORY_ROWS[:1] if bench.quick else MEMORY_ROWS
    peaks = [
        int(_output([sys.executable, str(HERE / "ropeway_memory.py"), str(rows)])) / 2**20 for rows in sizes
    ]
    return Figure(
        what=f"peak memory of two profiles of {sizes[-1]:,} rows and their drift",
        ours=peaks[-1],
        unit="MiB",
        beside={f"of {rows:,} rows": peak for rows, peak in zip(sizes[:-1], peaks[:-1], strict=True)},
        goal=peaks[0] * FLAT,
        note="a process of its own, rows made 10,000 at a time; most of it is Python, numpy and polars",
    )


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environments.QUIET)
    if done.returncode != 0:
        raise CaseFailed(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


CASE = Case(name="drift", title="Drift of two sets of rows", measure=measure)
