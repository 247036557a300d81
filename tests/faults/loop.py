"""A small real project that goes on by itself: numbers above or below a limit, a policy, rollouts, alerts.

`lay_loop` puts its first version live. What it learns is where the limit is, in the newest era of its rows;
`traffic` moves the limit, so that there is always something to learn.
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from ropeway.data.add import add
from ropeway.models.operations import approve_model, gate_model, promote_model
from ropeway.models.register import register
from ropeway.pipelines.run import run_pipeline
from ropeway.testing import make_workspace
from ropeway.workspace.clock import FileClock

MODEL, ENVIRONMENT = "halves", "production"
START = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
HIGHEST = 60.0
ROWS = 120
TOML = """
[project]
name = "halves"
approval = "self"
[charter]
metric = "accuracy"
bar = 0.05
confidence = 0.9
[inputs.rows]
dataset = "numbers"
key = "id"
target = "label"
[gate]
min_rows = 5
min_gain = -9.0
bootstrap = 100
[serving]
entity = "id"
carry = ["id", "era"]
[monitor]
window = "6h"
min_rows = 20
segment = "2h"
[alerts.worse]
when = "degradation"
sinks = ["ops"]
[alerts.moved]
when = "drift"
sinks = ["ops"]
[sinks.ops]
kind = "file"
path = "alerts.jsonl"
[policy]
triggers = ["new-data", "degradation"]
approval = "by-rule"
cooldown = "1m"
max_runs = 10000
max_rollbacks = 1000
[policy.data]
min_rows = 40
last = "30d"
[rollout]
steps = ["shadow", 0.5]
min_entities = 10
alpha = 0.5
spend = 0.01
harm_alpha = 0.2
deadline = "12h"
undecided = "roll-back"
[rollout.guards]
latency_ratio = 1000.0
"""
PIPELINE = """
import polars as pl

from ropeway import fit, step


@fit
def limit(rows, target):
    newest = rows["era"] == rows["era"].max()
    low, high = rows.filter(newest & (target == "low"))["x"], rows.filter(newest & (target == "high"))["x"]
    found = [each for each in (low.max(), high.min()) if each is not None]
    return {"at": sum(found) / len(found)}


@step(serve=True)
def half(rows, limit):
    high = (rows["x"] >= limit["at"]).cast(pl.Float64) * 0.8 + 0.1
    return pl.DataFrame({"high": high, "low": 1 - high})
"""
CONTRACT = """
unique = ["id"]
other_columns = "refuse"
min_rows = 1
[columns.id]
type = "text"
[columns.era]
type = "integer"
[columns.x]
type = "number"
[columns.label]
type = "text"
categories = ["high", "low"]
"""


def clock_of(root: Path) -> FileClock:
    """The project's time, which `traffic` moves."""
    return FileClock(root / "clock")


def lay_loop(root: Path) -> None:
    """The project, with its first version live."""
    root.mkdir(parents=True, exist_ok=True)
    clock = clock_of(root)
    clock.set(START)
    files = {"pipeline.py": PIPELINE, "contracts/numbers.toml": CONTRACT}
    with make_workspace(root, toml=TOML, files=files, clock=clock, actor="ana") as workspace:
        xs = [HIGHEST * row / ROWS for row in range(ROWS)]
        frame = pl.DataFrame(
            {
                "id": [f"r{row}" for row in range(ROWS)],
                "era": [0] * ROWS,
                "x": xs,
                "label": ["high" if x >= HIGHEST / 2 else "low" for x in xs],
            }
        )
        frame.write_csv(root.parent / "numbers.csv")
        add(workspace, root.parent / "numbers.csv", name="numbers", key=["id"])
        version = register(workspace, run_pipeline(workspace).run)
        report = gate_model(workspace, ref=version.ref)
        assert report.passed, [check.says for check in report.checks if not check.passed]
        approve_model(workspace, ref=version.ref)
        promote_model(workspace, ref=version.ref)
