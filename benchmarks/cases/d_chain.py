"""A chain of 50 trivial steps, cold and cached: milliseconds a step, beside dvc and hamilton.

Ours and hamilton's run in process, in a process of their own; dvc is a command, so its start is measured
apart and taken off.
"""

import statistics
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.bench import Bench
from benchmarks.case import Case, Figure
from benchmarks.environments import Environment

STEPS = 50
LONGER = 200
GOAL_COLD_MS = 2.0
GOAL_CACHED_MS = 0.1
HERE = Path(__file__).resolve().parents[1] / "chain"


def measure(bench: Bench) -> list[Figure]:
    ours, longer = _ours(bench, STEPS), _ours(bench, LONGER)
    dvc, hamilton = bench.peer("dvc"), bench.peer("hamilton")
    of_dvc = {"cold": dvc, "cached": dvc} if isinstance(dvc, str) else _dvc(bench, dvc)
    of_hamilton = (
        {"uncached": hamilton, "cold": hamilton, "cached": hamilton}
        if isinstance(hamilton, str)
        else _in_process(bench, hamilton.python, HERE / "hamilton_chain.py", "hamilton")
    )
    return [
        Figure(
            what=f"chain of {STEPS} steps, cold, in process",
            ours=ours["cold"],
            unit="ms a step",
            beside={
                "dvc repro": of_dvc["cold"],
                "hamilton with cache": of_hamilton["cold"],
                "hamilton without cache": of_hamilton["uncached"],
            },
            goal=GOAL_COLD_MS,
            note="the whole of run_pipeline, with its code snapshot, run record and durable event",
        ),
        Figure(
            what=f"chain of {STEPS} steps, cached, in process",
            ours=ours["cached"],
            unit="ms a step",
            beside={"dvc repro": of_dvc["cached"], "hamilton with cache": of_hamilton["cached"]},
            goal=GOAL_CACHED_MS,
            note="the same, every step taken from the cache",
        ),
        Figure(
            what="each further step, cached",
            ours=(longer["cached"] * LONGER - ours["cached"] * STEPS) / (LONGER - STEPS),
            unit="ms a step",
            beside={},
            note=f"from {STEPS} to {LONGER} steps: without what a run costs however short it is, "
            "which is its record, two durable events and a look at the code",
        ),
    ]


def _ours(bench: Bench, steps: int) -> dict[str, float]:
    return _in_process(bench, sys.executable, HERE / "ropeway_chain.py", "ropeway", steps=steps)


def _in_process(
    bench: Bench, python: str, script: Path, name: str, *, steps: int = STEPS
) -> dict[str, float]:
    """Medians of what a script of `benchmarks/chain/` prints, in milliseconds a step."""
    done = subprocess.run(
        [python, str(script), str(bench.folder(name)), str(steps), str(bench.times(9))],
        capture_output=True,
        check=True,
    )
    measured: dict[str, list[float]] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return {key: statistics.median(taken) * 1e3 / steps for key, taken in measured.items()}


def _dvc(bench: Bench, dvc: Environment) -> dict[str, float | str]:
    folder, command = bench.folder("dvc"), dvc.command("dvc")
    bench.run([command, "init", "--no-scm", "--quiet"], folder=folder)
    (folder / "0.txt").write_text("0")
    stages = "".join(
        f"  s{n}:\n    cmd: cp {n}.txt {n + 1}.txt\n    deps: [{n}.txt]\n    outs: [{n + 1}.txt]\n"
        for n in range(STEPS)
    )
    (folder / "dvc.yaml").write_text(f"stages:\n{stages}")
    times = bench.times(3)
    start = bench.process_ms([command, "--version"], folder=folder, times=times)
    changes = iter(range(1, 100))

    def cold() -> None:
        (folder / "0.txt").write_text(str(next(changes)))
        bench.run([command, "repro", "--quiet"], folder=folder)

    cold_ms = bench.median_ms(cold, times=times)
    cached_ms = bench.process_ms([command, "repro", "--quiet"], folder=folder, times=times)
    return {"cold": (cold_ms - start) / STEPS, "cached": (cached_ms - start) / STEPS}


CASE = Case(name="chain", title="Running a pipeline", measure=measure)
