"""How long `ropeway --help` takes, beside mlflow and dvc: whole processes, wall time."""

import sys
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure

GOAL_MS = 150


def measure(bench: Bench) -> list[Figure]:
    home = bench.ours()
    ropeway = (
        str(Path(sys.executable).with_name("ropeway")) if isinstance(home, str) else home.command("ropeway")
    )
    beside: dict[str, float | str] = {}
    for name in ("mlflow", "dvc"):
        peer = bench.peer(name)
        beside[f"{name} --help"] = (
            peer if isinstance(peer, str) else bench.process_ms([peer.command(name), "--help"], times=5)
        )
    return [
        Figure(
            what="ropeway --help",
            ours=bench.process_ms([ropeway, "--help"]),
            unit="ms",
            beside=beside,
            goal=GOAL_MS,
        )
    ]


CASE = Case(name="help", title="Asking for help", measure=measure)
