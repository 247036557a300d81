"""Records runs over HTTP, each a request: `python load.py PORT CODE ENVIRONMENT CLIENTS SECONDS`."""

import sys
from functools import partial

import msgspec
from benchmarks.load import post_load

from ropeway.core.ids import new_id

port, code, environment, clients, seconds = sys.argv[1:]
HOST = {"system": "Linux", "machine": "x86_64", "cores": 2, "memory_bytes": 1}


def body(_: int, /) -> bytes:
    run = {
        "run": new_id("run"),
        "kind": "script",
        "code": {"tree": code},
        "environment": environment,
        "host": HOST,
    }
    return msgspec.json.encode(run)


load = partial(post_load, "127.0.0.1", int(port), "/api/v1/tracking.start", body)
seen = load(connections=int(clients), seconds=float(seconds))
print(f"{seen.per_s:.1f} {seen.p50_ms:.2f} {seen.p99_ms:.2f} {seen.failed}")
