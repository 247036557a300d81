"""Sends batches of points over HTTP: `python -m benchmarks.points.send PORT RUN CLIENTS SECONDS POINTS`.

With 0 points it asks which models there are instead: an answer that costs little.
"""

import sys
from functools import partial

import msgspec
import numpy as np
from benchmarks.load import post_load

port, run, clients, seconds, points = sys.argv[1:]
COUNT = int(points)
PATH = "/api/v1/runs.log-points" if COUNT else "/api/v1/models.list"
RANDOM = np.random.default_rng(0)
COLUMNS = {
    "run": run,
    "keys": ["loss", "accuracy"],
    "key": (np.arange(COUNT) % 2).astype("<u4").tobytes(),
    "values": RANDOM.random(COUNT).tobytes(),
}


def body(number: int, /) -> bytes:
    if not COUNT:
        return b"{}"
    step = number * COUNT + np.arange(COUNT)
    times = 1_700_000_000_000_000 + 100 * step + RANDOM.integers(0, 50, COUNT)
    return msgspec.json.encode({**COLUMNS, "steps": step.tobytes(), "times": times.tobytes()})


load = partial(post_load, "127.0.0.1", int(port), PATH, body)
seen = load(connections=int(clients), seconds=float(seconds))
print(f"{seen.per_s:.1f} {seen.p50_ms:.2f} {seen.p99_ms:.2f} {seen.failed}")
