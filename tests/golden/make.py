"""Makes a golden ledger: one workspace in which every kind of event happened, kept for ever.

Run once for a released format, never again for the same one:

    python -m tests.golden.make tests/golden/format-1

It goes a small line through the command line, kills a run, rejects, recalls and retires versions, and runs a
job. Besides the ledger it keeps what the ledger then said (`expected.json`), for later releases to say again.
A ledger tells of the machine it was written on; these commands are told of another one.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import polars as pl

from ropeway.continuous.retraining.reading import list_retrainings
from ropeway.continuous.rollouts.operations import list_rollouts
from ropeway.keeping.operations import fsck
from ropeway.members.operations import list_all_tokens, list_members
from ropeway.models.operations import get_routing, list_models, model_history
from ropeway.monitoring.operations import list_alerts, list_windows
from ropeway.server.jobs import JobRunner
from ropeway.tracking.operations import search_runs
from ropeway.workspace import LocalWorkspace, open_workspace, rooms
from ropeway.workspace.operations import list_events

TOML = """
[project]
name = "mood"
[charter]
decision = "which reviews are answered first"
metric = "accuracy"
bar = 0.6
[inputs.rows]
dataset = "reviews"
target = "mood"
[labels.mood]
dataset = "ratings"
guide = "guide.md"
rater = "rater"
value = "said"
adjudicate_below = 0.7
snapshot = "reviews"
keep = ["length"]
[gate]
agreement = "mood"
"""

PIPELINE = """
from sklearn.linear_model import LogisticRegression

from ropeway import fit, probabilities, step


@fit
def classifier(rows, target, *, c: float = 1.0):
    return LogisticRegression(C=c).fit(rows.select("length"), target)


@step(serve=True)
def mood(classifier, rows):
    return probabilities(classifier, rows.select("length"))
"""

LINE = """
data add ratings.csv --name ratings --key id --key rater
data check ratings
labels import mood
labels agreement mood
labels adjudicate mood 1 good
labels snapshot mood
run
model register latest --as ana
gate mood@1 --as ana
model approve mood@1 --as ben
model promote mood@1 --as ben
run --set c=0.5
model register latest --as ana
model reject mood@2 --reason worse --as ben
run --set c=2
model register latest --as ana
gate mood@3 --as ana
model approve mood@3 --as ben
model retire mood@3 --reason unused --as ben
run --set c=3
model register latest --as ana
gate mood@4 --as ana
model approve mood@4 --as ben
model recall mood@4 --reason leak --as ben
"""

# Stands in for the machine at hand in everything that is recorded, and for the path of the command.
ELSEWHERE = """
import os, socket, sys
os.uname = lambda: os.uname_result(("Linux", "laptop", "6.1.0", "", "x86_64"))
socket.gethostname = lambda: "laptop"
sys.argv[0] = "ropeway"
"""
COMMAND = f"{ELSEWHERE}from ropeway.cli.main import main\nmain()"
AS_CLEO = {**os.environ, "ROPEWAY_AS": "cleo"}
ENDLESS = (
    f"{ELSEWHERE}import ropeway, time\nrun = ropeway.run(name='endless').__enter__()\nrun.log(1, loss=0.5)\n"
)
ENDLESS += "print('logged', flush=True)\ntime.sleep(60)\n"


def lay_out(folder: Path) -> None:
    """The project's files."""
    random.seed(0)
    rows = []
    for number in range(400):
        mood = random.choice(["good", "bad"])
        length = random.gauss(1.0 if mood == "good" else -1.0, 0.8)
        for rater in ("ana", "ben", "cleo"):
            said = mood if random.random() < 0.95 else random.choice(["good", "bad"])
            rows.append({"id": number, "length": length, "rater": rater, "said": said})
    pl.DataFrame(rows).write_csv(folder / "ratings.csv")
    (folder / "ropeway.toml").write_text(TOML, encoding="utf-8")
    (folder / "pipeline.py").write_text(PIPELINE, encoding="utf-8")
    (folder / "guide.md").write_text("# Mood\nGood if they would buy again.\n", encoding="utf-8")


def walk(folder: Path) -> None:
    """Everything that can happen, through the command line where it can."""
    for words in LINE.strip().splitlines():
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *words.split()],
            cwd=folder,
            env=AS_CLEO,
            capture_output=True,
            text=True,
            check=False,
        )
        # A gate that refuses is a fact like another; anything else that fails is a fault of this script.
        if done.returncode and not words.startswith("gate"):
            raise SystemExit(f"{words}\n{done.stdout}{done.stderr}")
    endless = subprocess.Popen(
        [sys.executable, "-c", ENDLESS], cwd=folder, env=AS_CLEO, stdout=subprocess.PIPE
    )
    assert endless.stdout is not None
    endless.stdout.readline()
    os.kill(endless.pid, signal.SIGKILL)
    endless.wait()
    subprocess.run(
        [sys.executable, "-c", COMMAND, "runs"], cwd=folder, env=AS_CLEO, check=True, capture_output=True
    )
    with open_workspace(folder, actor="ana") as workspace:
        runner = JobRunner(workspace)
        runner.submit(fsck, {}, None)
        while not list_events(workspace, verb="job-finished"):
            time.sleep(0.05)
        runner.close()


def told(workspace: LocalWorkspace) -> dict[str, object]:
    """What a ledger says, in words that every release must find again."""
    events = list_events(workspace, limit=10_000)
    models = list_models(workspace)
    names = dict.fromkeys(model.name for model in models)
    moves = [move for name in names for move in model_history(workspace, name=name).moves]
    said: dict[str, object] = {
        "events": len(events),
        "verbs": dict(sorted(Counter(event.verb for event in events).items())),
        "people": sorted({event.by for event in events}),
        "runs": sorted([run.id, run.status] for run in search_runs(workspace, limit=1000)),
        "models": sorted([f"{model.name}@{model.number}", model.state] for model in models),
        "moves": [[move.seq, move.at.isoformat(), move.ref, move.move, move.by] for move in moves],
    }
    # A ledger from before the loop has nothing of it to say.
    more = {**_told_of_the_loop(workspace, list(names)), **_told_of_the_people(workspace)}
    return said | {name: lines for name, lines in more.items() if lines}


def _told_of_the_people(workspace: LocalWorkspace) -> dict[str, list[list[object]]]:
    """What a ledger says of members and their tokens."""
    tokens = list_all_tokens(workspace)
    return {
        "members": [[each.name, each.role, each.since] for each in list_members(workspace)],
        "tokens": sorted(
            [each.id, each.member, each.label, each.role, each.read_only, each.only, each.expires_at]
            for each in tokens
        ),
        "revoked": sorted([each.id] for each in tokens if each.state == "revoked"),
    }


def _told_of_the_loop(workspace: LocalWorkspace, names: list[str]) -> dict[str, list[list[object]]]:
    """What a ledger says of rollouts, retrainings, alerts, windows, and of how traffic is divided."""
    alerts = list_alerts(workspace, open_only=False, limit=1000)
    windows = list_windows(workspace, last=1000)
    routings = [get_routing(workspace, name=name) for name in names]
    return {
        "rollouts": [
            [each.id, each.ref, each.state, each.outcome, each.ended_rule, len(each.moves)]
            for each in list_rollouts(workspace)
        ],
        "retrainings": [
            [each.id, each.trigger, each.stage, each.version, each.outcome]
            for each in list_retrainings(workspace)
        ],
        "alerts": sorted([each.id, each.rule, each.model, each.resolved_at is None] for each in alerts),
        "windows": sorted([each.ref, each.start.isoformat(), each.rows, each.drifted] for each in windows),
        "divided": [
            [each.live, [[arm.ref, arm.share] for arm in each.arms], each.shadows]
            for each in routings
            if each.arms or each.shadows
        ],
    }


def main(target: Path) -> None:
    """Make the golden ledger in a folder that must not exist yet."""
    rooms.load_operations()
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lay_out(folder)
        walk(folder)
        with open_workspace(folder, actor="ana") as workspace:
            (target / "expected.json").write_text(
                json.dumps(told(workspace), indent=1) + "\n", encoding="utf-8"
            )
        plain = sqlite3.connect(folder / ".ropeway" / "ledger.db")
        plain.execute("VACUUM INTO ?", (str(target / "ledger.db"),))
        plain.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
