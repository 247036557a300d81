"""Two profiles, filled batch by batch, and their drift: prints the peak memory of this process in bytes."""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from ropeway.stats.drift.marginal import drift_between
from ropeway.stats.profile import Profile

BATCH = 10_000
KINDS = {**{f"n{k}": "number" for k in range(15)}, **{f"c{k}": "category" for k in range(5)}}


def main(rows: int) -> None:
    """Fill both, compare, print."""
    generator = np.random.default_rng(0)
    sides = [Profile.empty(KINDS), Profile.empty(KINDS)]
    for _ in range(rows // BATCH):
        for side in sides:
            side.update(batch(generator))
    drift_between(*sides)
    # Of this process alone: what the kernel says of a child's peak begins with its parent's.
    (line,) = [
        each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM")
    ]
    print(int(line.split()[1]) * 1024)


def batch(generator: np.random.Generator) -> pl.DataFrame:
    """Some rows of 15 numbers and 5 categories."""
    columns: dict[str, object] = {}
    for name, kind in KINDS.items():
        if kind == "number":
            columns[name] = generator.normal(size=BATCH)
        else:
            columns[name] = generator.integers(0, 40, BATCH).astype(str)
    return pl.DataFrame(columns)


if __name__ == "__main__":
    main(int(sys.argv[1]))
