"""How long `import ropeway` takes, beside the interpreter alone and mlflow: whole processes, wall time."""

import sys

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure

GOAL_MS = 50


def measure(bench: Bench) -> list[Figure]:
    home = bench.ours()
    python = sys.executable if isinstance(home, str) else home.python
    mlflow = bench.peer("mlflow")
    beside: dict[str, float | str] = {
        "python -c pass": bench.process_ms([python, "-c", "pass"]),
        "import mlflow": mlflow
        if isinstance(mlflow, str)
        else bench.process_ms([mlflow.python, "-c", "import mlflow"], times=7),
    }
    return [
        Figure(
            what="python -c 'import ropeway'",
            ours=bench.process_ms([python, "-c", "import ropeway"]),
            unit="ms",
            beside=beside,
            goal=GOAL_MS,
        ),
        Figure(
            what="the same, and every public name used",
            ours=bench.process_ms([python, "-c", "from ropeway import *"]),
            unit="ms",
            beside={},
            note="what a script pays in all, once it uses the names",
        ),
    ]


CASE = Case(name="import", title="Importing", measure=measure)
